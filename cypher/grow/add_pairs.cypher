// Adds to the counts of pairs, from the smaller id to the larger.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
MATCH (second:Term {id: row.second})
MERGE (first)-[pair:CO_OCCURS_WITH]->(second)
ON CREATE SET pair.count = row.count
ON MATCH SET pair.count = pair.count + row.count
