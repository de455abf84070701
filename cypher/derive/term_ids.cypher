// All concepts and topics, ordered, with how many mentions and counted pairs a count of their co-occurrences will look
// at.
// access: read
// params: -
// returns: id, weight
MATCH (term:Term)
WHERE term.id IS NOT NULL AND (term:Concept OR term:Topic)
CALL (term) {
  OPTIONAL MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  RETURN coalesce(sum(document.term_count), 0) AS mention_count
}
RETURN term.id AS id,
       mention_count + COUNT { (term)<-[:MERGED_INTO*0..1]-(:Term)-[:COUNTED_WITH]-(:Term) } AS weight
ORDER BY id
