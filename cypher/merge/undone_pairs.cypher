// Returns the pairs whose merge was undone since the last merge.
// access: read
// params: -
// returns: first, second
MATCH (first:Term)-[:UNDONE]->(second:Term)
RETURN first.id AS first, second.id AS second
ORDER BY first, second
