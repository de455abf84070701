// Returns the texts of all documents, in the order of their ids, with the pairs of names that a document's source
// declares to mean the same (JSON).
// access: read
// params: -
// returns: id, text, synonyms
MATCH (document:Document)
WHERE document.id > '' AND document.text IS NOT NULL
RETURN document.id AS id, document.text AS text, document.synonyms AS synonyms
ORDER BY document.id
