// Writes answers, each with its question and the run that produced it. Skips answers to questions that are not in the
// graph; `written` is the number of answers written.
// access: write
// params: rows
// returns: written
UNWIND $rows AS row
MATCH (question:Question {id: row.id})
MATCH (run:Run {id: row.answer_run_id})
MERGE (answer:Answer {id: row.answer_id})
SET answer.text = row.answer, answer.final_answer = row.final_answer, answer.votes = row.votes,
    answer.agreement = row.agreement, answer.vote_answers = row.vote_answers,
    answer.unit_missing = CASE row.unit_missing WHEN 0 THEN null ELSE row.unit_missing END,
    answer.verdict = CASE row.verdict WHEN '' THEN null ELSE row.verdict END,
    answer.verdict_reason = CASE row.verdict_reason WHEN '' THEN null ELSE row.verdict_reason END,
    answer.passed = row.passed, answer.failed = row.failed, answer.undecided = row.undecided,
    answer.pass_rate = row.pass_rate, answer.checks = row.checks_json,
    answer.template_hash = row.answer_template_hash, answer.backend = row.answer_backend,
    answer.model = row.answer_model, answer.sampling = row.answer_sampling, answer.seed = row.answer_seed,
    answer.attempt = row.answer_attempt
MERGE (answer)-[:ANSWERS]->(question)
MERGE (answer)-[:PRODUCED_BY]->(run)
RETURN count(answer) AS written
