// Hubs: the concepts that most documents mention, each with its number of co-occurrences with other concepts.
// access: read
// params: -
// returns: concept, documents, co_occurrences
MATCH (concept:Concept)
WITH concept ORDER BY concept.document_count DESC, concept.id LIMIT 25
RETURN concept.name AS concept, concept.document_count AS documents,
       concept.concept_tickets AS co_occurrences
ORDER BY documents DESC, concept
