// Deletes documents with their mentions, and marks the terms that they held as changed: their runs must be computed
// again.
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
