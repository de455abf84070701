// Each concept and topic gets the number of documents that mention it under any of its names.
// access: write
// params: -
// returns: -
MATCH (term:Concept|Topic)
CALL (term) {
  OPTIONAL MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  WITH term, count(DISTINCT document) AS document_count
  SET term.document_count = document_count
} IN TRANSACTIONS OF 2000 ROWS
