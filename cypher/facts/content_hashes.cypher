// What the graph already holds under some document ids.
// access: read
// params: ids
// returns: id, content_hash
UNWIND $ids AS id
MATCH (document:Document {id: id})
RETURN document.id AS id, document.content_hash AS content_hash
