// Ids of all documents.
// access: read
// params: -
// returns: id
MATCH (document:Document)
RETURN document.id AS id
ORDER BY id
