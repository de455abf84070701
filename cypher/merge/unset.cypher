// Deletes a reviewer's decisions about pairs, whether same or different.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (first:Term {id: row.first})-[said:DISTINCT_FROM|SAME_AS]-(second:Term {id: row.second})
DELETE said
