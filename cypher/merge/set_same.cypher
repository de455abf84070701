// Records that a reviewer has called two terms the same, from the smaller id to the larger.
// access: write
// params: rows
// returns: first
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
MATCH (second:Term {id: row.second})
MERGE (first)-[:SAME_AS]->(second)
RETURN first.id AS first
