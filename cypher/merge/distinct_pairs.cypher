// Returns the pairs that a reviewer has called different. No merge may join them.
// access: read
// params: -
// returns: first, second
MATCH (first:Term)-[:DISTINCT_FROM]->(second:Term)
RETURN first.id AS first, second.id AS second
ORDER BY first, second
