// An alias is merged directly into a term that is not an alias.
// access: read
// params: -
// returns: alias, target
MATCH (alias:Term)-[:MERGED_INTO]->(target:Term)
WHERE target:Alias OR NOT alias:Alias
RETURN alias.id AS alias, target.id AS target
