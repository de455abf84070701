// Co-occurrences that somebody else counted, from the smaller term id to the larger; a count is never rewritten.
// access: write
// params: rows
// returns: first, second, given, seen
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
MATCH (second:Term {id: row.second})
MERGE (first)-[pair:COUNTED_WITH]->(second)
ON CREATE SET pair.count = row.count
RETURN row.first AS first, row.second AS second, row.count AS given, pair.count AS seen
