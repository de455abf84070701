// Deletes documents with their mentions.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (document:Document {id: id})
DETACH DELETE document
