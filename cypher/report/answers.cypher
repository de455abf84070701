// Returns all answers with their questions, in the order of the index; `checks` is JSON.
// access: read
// params: -
// returns: id, text, answer, final_answer, votes, agreement, verdict, checks
MATCH (given:Answer)
WHERE given.id > ''
MATCH (given)-[:ANSWERS]->(question:Question)
RETURN question.id AS id, question.text AS text, given.text AS answer, given.final_answer AS final_answer,
       given.votes AS votes, given.agreement AS agreement, coalesce(given.verdict, '') AS verdict,
       coalesce(given.checks, '[]') AS checks
ORDER BY given.id
