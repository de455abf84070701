// Titles and texts of some documents.
// access: read
// params: ids
// returns: id, title, text
UNWIND $ids AS id
MATCH (document:Document {id: id})
RETURN document.id AS id, document.title AS title, document.text AS text
