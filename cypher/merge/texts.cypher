// Returns the texts of all documents, in the order of their ids.
// access: read
// params: -
// returns: id, text
MATCH (document:Document)
WHERE document.id > '' AND document.text IS NOT NULL
RETURN document.id AS id, document.text AS text
ORDER BY document.id
