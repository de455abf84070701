// Returns the walk behind a question, step by step: the tickets of the step, all tickets for steps to this kind of
// term, and the document of the step.
// access: read
// params: id
// returns: step, id, name, kind, tickets, of_tickets, document, document_title, seed, walk
MATCH (:Question {id: $id})-[:WRITTEN_FROM]->(combination:Combination)-[visit:VISITS]->(term:Term)
WITH combination, visit, term ORDER BY visit.step
WITH combination, collect(term) AS terms
UNWIND range(0, size(terms) - 1) AS step
WITH combination, step, terms[step] AS term, CASE WHEN step > 0 THEN terms[step - 1] END AS before
OPTIONAL CALL (before, term) {
  MATCH (before)<-[:HOLDS]-(context)-[:HOLDS]->(term)
  WITH sum(coalesce(context.weight, 1)) AS tickets
  WHERE tickets > 0
  RETURN tickets
}
OPTIONAL MATCH (combination)-[:WALKED_THROUGH {step: step}]->(document:Document)
RETURN step, term.id AS id, term.name AS name, term.kind AS kind, tickets,
       CASE WHEN tickets IS NULL THEN null WHEN term:Concept THEN before.concept_tickets
            ELSE before.topic_tickets END AS of_tickets,
       document.id AS document, document.title AS document_title, combination.seed AS seed, combination.walk AS walk
ORDER BY step
