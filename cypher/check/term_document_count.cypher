// A term's document count is the number of documents that mention it under any of its names.
// access: read
// params: -
// returns: term, count, expected
MATCH (term:Concept|Topic)
CALL (term) {
  OPTIONAL MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  RETURN count(DISTINCT document) AS expected
}
WITH term, expected
WHERE term.document_count IS NULL OR term.document_count <> expected
RETURN term.id AS term, term.document_count AS count, expected
