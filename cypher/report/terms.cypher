// Each concept and topic with the documents that mention it, aliases counted.
// access: read
// params: -
// returns: id, name, kind, documents
MATCH (term:Concept|Topic)
RETURN term.id AS id, term.name AS name, term.kind AS kind, term.document_count AS documents
ORDER BY id
