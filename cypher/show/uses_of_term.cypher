// Returns up to $limit texts that mention a term under its own name, with the spelling.
// access: read
// params: id, limit
// returns: document, text, spelling
MATCH (term:Term {id: $id})<-[mention:MENTIONS]-(document:Document)
WHERE document.text IS NOT NULL
RETURN document.id AS document, document.text AS text, mention.spelling AS spelling
ORDER BY document
LIMIT $limit
