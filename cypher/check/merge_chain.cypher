// An alias points straight at a term that is not an alias itself.
// access: read
// params: -
// returns: alias, target
MATCH (alias:Term)-[:MERGED_INTO]->(target:Term)
WHERE target:Alias OR NOT alias:Alias
RETURN alias.id AS alias, target.id AS target
