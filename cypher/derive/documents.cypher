// Returns all documents with the slots of the terms that they mention. Merged terms are resolved.
// access: read
// params: -
// returns: id, terms
MATCH (document:Document)
WHERE document.id IS NOT NULL
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT coalesce(canonical, mentioned) AS term
  RETURN collect(term.slot) AS terms
}
RETURN document.id AS id, terms
