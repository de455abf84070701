// Hubs: the concepts that most documents mention, and how many others each stands beside.
// access: read
// params: -
// returns: concept, documents, neighbours
MATCH (concept:Concept)
WITH concept ORDER BY concept.document_count DESC, concept.id LIMIT 25
RETURN concept.name AS concept, concept.document_count AS documents,
       COUNT { (concept)-[:CO_OCCURS_WITH]-(:Concept) } AS neighbours
ORDER BY documents DESC, concept
