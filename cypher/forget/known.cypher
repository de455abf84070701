// Returns the documents with the ids in $ids, and the parts of those that were split.
// access: read
// params: ids
// returns: id, wanted
UNWIND $ids AS wanted
CALL (wanted) {
  MATCH (document:Document {id: wanted})
  RETURN document.id AS id
  UNION
  MATCH (part:Document {parent: wanted})
  RETURN part.id AS id
}
RETURN id, wanted
ORDER BY id, wanted
