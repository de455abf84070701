// Returns a question with its text, its claims and the run that produced it.
// access: read
// params: id
// returns: id, text, level, grade, domain, question_type, difficulty, answer_key, origin, concepts, seen_concepts, claim_evidence, foreign_claims, model, template, seed, attempt, run, combination
MATCH (question:Question {id: $id})
OPTIONAL MATCH (question)-[:PRODUCED_BY]->(run:Run)
OPTIONAL MATCH (question)-[:WRITTEN_FROM]->(combination:Combination)
RETURN question.id AS id, question.text AS text, question.level AS level, question.grade AS grade,
       question.domain AS domain, question.question_type AS question_type, question.difficulty AS difficulty,
       question.answer_key AS answer_key, question.origin AS origin, question.concepts AS concepts,
       question.seen_concepts AS seen_concepts, question.claim_evidence AS claim_evidence,
       question.foreign_claims AS foreign_claims, question.model AS model,
       question.template AS template, question.seed AS seed, question.attempt AS attempt, run.id AS run,
       combination.id AS combination
