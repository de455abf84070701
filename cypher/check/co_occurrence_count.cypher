// A co-occurrence counts the documents that mention both, plus counted pairs of the user's own; none is missing.
// access: read
// params: -
// returns: first, second, count, expected
MATCH (first:Concept|Topic)
CALL (first) {
  MATCH (first)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  WITH DISTINCT first, document
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT first, document, coalesce(canonical, mentioned) AS second
  WHERE second.id > first.id
  RETURN second, count(*) AS expected, 0 AS count
  UNION ALL
  MATCH (first)<-[:MERGED_INTO*0..1]-(:Term)-[pair:COUNTED_WITH]-(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH first, pair, coalesce(canonical, mentioned) AS second
  WHERE second.id > first.id
  RETURN second, sum(pair.count) AS expected, 0 AS count
  UNION ALL
  MATCH (first)-[pair:CO_OCCURS_WITH]-(second:Term)
  WHERE second.id > first.id
  RETURN second, 0 AS expected, sum(pair.count) AS count
}
WITH first, second, sum(count) AS count, sum(expected) AS expected
WHERE count <> expected
RETURN first.id AS first, second.id AS second, count, expected
