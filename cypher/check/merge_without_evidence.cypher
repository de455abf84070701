// A merge stores its id, cosine and rule.
// access: read
// params: -
// returns: alias, target
MATCH (alias:Term)-[merge:MERGED_INTO]->(target:Term)
WHERE merge.merge_id IS NULL OR merge.cosine IS NULL OR merge.rule IS NULL
RETURN alias.id AS alias, target.id AS target
