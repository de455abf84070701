// Returns the pairs that a reviewer has called the same. Every merge joins them.
// access: read
// params: -
// returns: first, second
MATCH (first:Term)-[:SAME_AS]->(second:Term)
RETURN first.id AS first, second.id AS second
ORDER BY first, second
