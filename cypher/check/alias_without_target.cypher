// An alias is merged into exactly one term.
// access: read
// params: -
// returns: alias, targets
MATCH (alias:Alias)
WITH alias, COUNT { (alias)-[:MERGED_INTO]->() } AS targets
WHERE targets <> 1
RETURN alias.id AS alias, targets
