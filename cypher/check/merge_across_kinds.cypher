// Only terms of one kind are merged.
// access: read
// params: -
// returns: alias, target
MATCH (alias:Term)-[:MERGED_INTO]->(target:Term)
WHERE alias.kind <> target.kind
RETURN alias.id AS alias, target.id AS target
