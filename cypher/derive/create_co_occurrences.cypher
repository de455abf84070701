// Creates co-occurrences, each from the smaller term id to the larger.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
UNWIND range(0, size(row.seconds) - 1) AS at
MATCH (second:Term {id: row.seconds[at]})
CREATE (first)-[:CO_OCCURS_WITH {count: row.counts[at]}]->(second)
