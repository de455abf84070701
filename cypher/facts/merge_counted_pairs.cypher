// Stores pairs with counts that the user has given, from the smaller term id to the larger. An existing count is never
// overwritten; `seen` returns it.
// access: write
// params: rows
// returns: first, second, given, seen
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
MATCH (second:Term {id: row.second})
MERGE (first)-[pair:COUNTED_WITH]->(second)
ON CREATE SET pair.count = row.count
RETURN row.first AS first, row.second AS second, row.count AS given, pair.count AS seen
