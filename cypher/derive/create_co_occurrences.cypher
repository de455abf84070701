// For each given term: how many documents mention it together with each term of larger id, aliases counted as
// what they are merged into; counted pairs of the user's own are added.
// access: write
// params: ids
// returns: pairs
UNWIND $ids AS id
MATCH (first:Term {id: id})
CALL (first) {
  MATCH (first)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  WITH DISTINCT first, document
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT first, document, coalesce(canonical, mentioned) AS second
  WHERE second.id > first.id
  RETURN second, count(*) AS part
  UNION ALL
  MATCH (first)<-[:MERGED_INTO*0..1]-(:Term)-[pair:COUNTED_WITH]-(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH first, pair, coalesce(canonical, mentioned) AS second
  WHERE second.id > first.id
  RETURN second, sum(pair.count) AS part
}
WITH first, second, sum(part) AS count
CREATE (first)-[:CO_OCCURS_WITH {count: count}]->(second)
RETURN count(*) AS pairs
