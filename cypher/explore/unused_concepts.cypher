// Concepts that no question has used, those of most documents first.
// access: read
// params: -
// returns: concept, documents, combinations
MATCH (concept:Concept)
WHERE NOT EXISTS { (concept)<-[:VISITS]-(:Combination)<-[:WRITTEN_FROM]-(:Question) }
WITH concept ORDER BY concept.document_count DESC, concept.id LIMIT 50
RETURN concept.name AS concept, concept.document_count AS documents,
       COUNT { (concept)<-[:VISITS]-(:Combination) } AS combinations
ORDER BY documents DESC, concept
