// Returns all questions with what they were written from, in the order of the index.
// access: read
// params: -
// returns: id, text, level, grade, origin, concepts, seen_concepts, claim_evidence, combination_id, documents
MATCH (question:Question)
WHERE question.id > ''
OPTIONAL MATCH (question)-[:WRITTEN_FROM]->(combination:Combination)
RETURN question.id AS id, question.text AS text, question.level AS level, coalesce(question.grade, '') AS grade,
       coalesce(question.origin, '') AS origin, question.concepts AS concepts,
       coalesce(question.seen_concepts, []) AS seen_concepts, coalesce(question.claim_evidence, []) AS claim_evidence,
       coalesce(combination.id, '') AS combination_id,
       COLLECT {
         MATCH (question)-[:WRITTEN_FROM]->()-[grounded:GROUNDED_IN*0..1]->(document:Document)
         RETURN document.id ORDER BY document.id
       } AS documents
ORDER BY question.id
