// Questions where routes to the answer disagree: some verifiers passed the answer and others failed it, or most votes
// gave another final answer.
// access: read
// params: -
// returns: question, passed, failed, undecided, agreement, final_answer, text
MATCH (answer:Answer)-[:ANSWERS]->(question:Question)
WHERE (answer.passed IS NOT NULL AND answer.failed IS NOT NULL) OR (answer.votes > 1 AND answer.agreement < 0.5)
RETURN question.id AS question, answer.passed AS passed, answer.failed AS failed, answer.undecided AS undecided,
       answer.agreement AS agreement, answer.final_answer AS final_answer, question.text AS text
ORDER BY coalesce(answer.pass_rate, 1.0), agreement, question
LIMIT 50
