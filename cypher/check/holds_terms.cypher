// A document has one HOLDS relationship to each term that it mentions, with aliases resolved, and no other ones.
// access: read
// params: -
// returns: document, term, holds, expected
MATCH (document:Document)
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT coalesce(canonical, mentioned) AS term
  RETURN term, 0 AS holds, 1 AS expected
  UNION ALL
  MATCH (document)-[:HOLDS]->(term)
  RETURN term, 1 AS holds, 0 AS expected
}
WITH document, term, sum(holds) AS holds, sum(expected) AS expected
WHERE holds <> expected
RETURN document.id AS document, term.id AS term, holds, expected
