// Writes questions, each with the run that produced it. Other statements write what a question was written from.
// access: write
// params: rows
// returns: written
UNWIND $rows AS row
MATCH (run:Run {id: row.run_id})
MERGE (question:Question {id: row.id})
SET question.text = row.text, question.level = row.level, question.concepts = row.concepts,
    question.seen_concepts = row.seen_concepts, question.claim_evidence = row.claim_evidence,
    question.foreign_claims = CASE size(row.foreign_claims) WHEN 0 THEN null ELSE row.foreign_claims END,
    question.grade = CASE row.grade WHEN '' THEN null ELSE row.grade END,
    question.domain = CASE row.domain WHEN '' THEN null ELSE row.domain END,
    question.question_type = CASE row.question_type WHEN '' THEN null ELSE row.question_type END,
    question.difficulty = CASE row.difficulty WHEN '' THEN null ELSE row.difficulty END,
    question.answer_key = CASE size(row.answer_key) WHEN 0 THEN null ELSE row.answer_key END,
    question.origin = CASE row.origin WHEN '' THEN null ELSE row.origin END,
    question.template = row.template, question.template_hash = row.template_hash, question.backend = row.backend,
    question.model = row.model, question.sampling = row.sampling, question.seed = row.seed,
    question.attempt = row.attempt
MERGE (question)-[:PRODUCED_BY]->(run)
RETURN count(question) AS written
