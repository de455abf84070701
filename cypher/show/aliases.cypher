// Returns the aliases of a term, with the evidence of each merge.
// access: read
// params: id
// returns: id, name, cosine, rule, merge_id
MATCH (term:Term {id: $id})<-[merge:MERGED_INTO]-(alias:Alias)
RETURN alias.id AS id, alias.name AS name, merge.cosine AS cosine, merge.rule AS rule, merge.merge_id AS merge_id
ORDER BY name, id
