// Terms that a reviewer called different do not count as the same term.
// access: read
// params: -
// returns: first, second
MATCH (first:Term)-[:DISTINCT_FROM]->(second:Term)
MATCH (first)-[:MERGED_INTO*0..1]->(target:Term)<-[:MERGED_INTO*0..1]-(second)
RETURN first.id AS first, second.id AS second
