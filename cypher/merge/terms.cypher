// Returns all terms, aliases included, with the number of documents that mention them under exactly this name.
// access: read
// params: -
// returns: id, kind, name, document_count
MATCH (term:Term)
WHERE term.id IS NOT NULL
RETURN term.id AS id, term.kind AS kind, term.name AS name,
       COUNT { (term)<-[:MENTIONS]-(:Document) } + COUNT { (term)-[:COUNTED_WITH]-() } AS document_count
ORDER BY id
