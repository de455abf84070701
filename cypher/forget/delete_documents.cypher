// Deletes documents with their mentions. Sets `changed` on each term of these documents, because the tickets of the term
// must be computed again.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (document:Document {id: id})
CALL (document) {
  MATCH (document)-[:HOLDS]->(term:Term)
  SET term.changed = true
}
DETACH DELETE document
