// Documents that mention some terms, which were merged or taken apart, get their number of terms anew.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (:Term {id: id})<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
WITH DISTINCT document
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  RETURN count(DISTINCT coalesce(canonical, mentioned)) AS term_count
}
SET document.term_count = term_count
