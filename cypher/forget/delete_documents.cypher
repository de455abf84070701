// Deletes documents with their mentions; what they mention is counted anew.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (document:Document {id: id})
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH coalesce(canonical, mentioned) AS term
  SET term.changed = 'counts'
}
DETACH DELETE document
