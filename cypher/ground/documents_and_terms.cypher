// All documents in order, each with what it mentions, a merged name as what it counts as.
// access: read
// params: -
// returns: id, terms
MATCH (document:Document)
WHERE document.id IS NOT NULL
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT coalesce(canonical.id, mentioned.id) AS term
  RETURN collect(term) AS terms
}
RETURN document.id AS id, terms
ORDER BY id
