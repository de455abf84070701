// For each given term: how many documents mention it together with each other term, aliases counted as what they are
// merged into, counted pairs of the user's own added; and how many mention it.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
WHERE NOT term:Alias
CALL (term) {
  OPTIONAL MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  RETURN count(DISTINCT document) AS document_count
}
SET term.document_count = document_count, term.changed = 'steps'
WITH term
CALL (term) {
  MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  WITH DISTINCT term, document
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT term, document, coalesce(canonical, mentioned) AS other
  WHERE other <> term
  RETURN other, count(*) AS part
  UNION ALL
  MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)-[pair:COUNTED_WITH]-(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH term, pair, coalesce(canonical, mentioned) AS other
  WHERE other <> term
  RETURN other, sum(pair.count) AS part
}
WITH term, other, sum(part) AS count
SET other.changed = coalesce(other.changed, 'steps')
WITH CASE WHEN term.id < other.id THEN term ELSE other END AS first,
     CASE WHEN term.id < other.id THEN other ELSE term END AS second, count
MERGE (first)-[pair:CO_OCCURS_WITH]->(second)
SET pair.count = count
