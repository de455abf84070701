// Pairs that were not counted before, from the smaller id to the larger.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
UNWIND row.seconds AS id
MATCH (second:Term {id: id})
CREATE (first)-[:CO_OCCURS_WITH {count: row.count}]->(second)
