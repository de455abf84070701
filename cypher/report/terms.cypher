// Returns each concept and topic with the number of documents that mention it or one of its aliases, in the order of
// the index.
// access: read
// params: -
// returns: id, name, kind, documents
MATCH (term:Term)
WHERE term.id > '' AND (term:Concept OR term:Topic)
RETURN term.id AS id, term.name AS name, term.kind AS kind, term.document_count AS documents
ORDER BY term.id
