// Records that a reviewer has called two terms different, from the smaller id to the larger.
// access: write
// params: rows
// returns: first
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
MATCH (second:Term {id: row.second})
MERGE (first)-[:DISTINCT_FROM]->(second)
RETURN first.id AS first
