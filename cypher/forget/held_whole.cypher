// Returns the ids in $ids that belong to a document with a text, that is, one that was not split.
// access: read
// params: ids
// returns: id
UNWIND $ids AS id
MATCH (whole:Document {id: id})
WHERE whole.content_hash IS NOT NULL
RETURN id
