// Returns all merges with their evidence, ordered by the term that the alias counts as.
// access: read
// params: -
// returns: merge_id, alias_id, alias, canonical_id, canonical, kind, cosine, rule, alias_documents, canonical_documents
MATCH (alias:Alias)-[merge:MERGED_INTO]->(canonical:Term)
RETURN merge.merge_id AS merge_id, alias.id AS alias_id, alias.name AS alias, canonical.id AS canonical_id,
       canonical.name AS canonical, alias.kind AS kind, merge.cosine AS cosine, merge.rule AS rule,
       COUNT { (alias)<-[:MENTIONS]-() } AS alias_documents, COUNT { (canonical)<-[:MENTIONS]-() } AS canonical_documents
ORDER BY canonical_id, alias_id
