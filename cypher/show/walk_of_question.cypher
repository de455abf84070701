// The walk behind a question, step by step: how many tickets the step taken has of all in its table.
// access: read
// params: id
// returns: step, id, name, kind, tickets, of_tickets, seed, walk
MATCH (:Question {id: $id})-[:WRITTEN_FROM]->(combination:Combination)-[visit:VISITS]->(term:Term)
WITH combination, visit, term ORDER BY visit.step
WITH combination, collect(term) AS terms
UNWIND range(0, size(terms) - 1) AS step
WITH combination, step, terms[step] AS term, CASE WHEN step > 0 THEN terms[step - 1] END AS before
OPTIONAL MATCH (before)-[taken:NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->(term)
RETURN step, term.id AS id, term.name AS name, term.kind AS kind, taken.tickets AS tickets,
       CASE type(taken)
         WHEN 'NEXT_TOPIC' THEN before.next_topic_tickets
         WHEN 'FIRST_CONCEPT' THEN before.first_concept_tickets
         WHEN 'NEXT_CONCEPT' THEN before.next_concept_tickets
       END AS of_tickets, combination.seed AS seed, combination.walk AS walk
ORDER BY step
