// Returns the ids of all documents.
// access: read
// params: -
// returns: id
MATCH (document:Document)
WHERE document.id IS NOT NULL
RETURN document.id AS id
ORDER BY id
