// The count of a co-occurrence is the number of documents that hold both terms, plus the user's own counts. If all
// co-occurrences are stored, none is missing.
// access: read
// params: -
// returns: first, second, count, expected
OPTIONAL MATCH (build:Build {id: 'current'})
WITH coalesce(build.co_occurrences, 'all') AS kept
MATCH (first:Concept|Topic)
CALL (first) {
  MATCH (first)<-[:HOLDS]-(context)-[:HOLDS]->(second:Term)
  WHERE second.id > first.id
  RETURN second, sum(coalesce(context.weight, 1)) AS expected, 0 AS count
  UNION ALL
  MATCH (first)-[pair:CO_OCCURS_WITH]-(second:Term)
  WHERE second.id > first.id
  RETURN second, 0 AS expected, sum(pair.count) AS count
}
WITH kept, first, second, sum(count) AS count, sum(expected) AS expected
WHERE count <> expected AND (kept = 'all' OR count > 0)
RETURN first.id AS first, second.id AS second, count, expected
