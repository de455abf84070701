// A document's term count is the number of distinct terms that it mentions, with aliases resolved.
// access: read
// params: -
// returns: document, count, expected
MATCH (document:Document)
CALL (document) {
  OPTIONAL MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  RETURN count(DISTINCT coalesce(canonical, mentioned)) AS expected
}
WITH document, expected
WHERE document.term_count IS NULL OR document.term_count <> expected
RETURN document.id AS document, document.term_count AS count, expected
