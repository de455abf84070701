// Concepts that occur in the text of no question, those with the most documents first.
// access: read
// params: -
// returns: concept, documents, combinations
MATCH (concept:Concept)
WHERE NOT EXISTS {
  MATCH (concept)<-[:VISITS]-(:Combination)<-[:WRITTEN_FROM]-(question:Question)
  WHERE concept.id IN coalesce(question.seen_concepts, question.concepts)
}
WITH concept ORDER BY concept.document_count DESC, concept.id LIMIT 50
RETURN concept.name AS concept, concept.document_count AS documents,
       COUNT { (concept)<-[:VISITS]-(:Combination) } AS combinations
ORDER BY documents DESC, concept
