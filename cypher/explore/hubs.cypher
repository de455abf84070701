// Concepts that most documents mention.
// access: read
// params: -
// returns: concept, documents
MATCH (concept:Concept)
RETURN concept.name AS concept, concept.document_count AS documents
ORDER BY documents DESC, concept
LIMIT 25
