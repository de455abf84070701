// The answers that the graph holds, with the question of each.
// access: read
// params: -
// returns: id, text, answer, final_answer, votes, agreement, verdict
MATCH (question:Question)<-[:ANSWERS]-(given:Answer)
RETURN question.id AS id, question.text AS text, given.text AS answer, given.final_answer AS final_answer,
       given.votes AS votes, given.agreement AS agreement, coalesce(given.verdict, '') AS verdict
ORDER BY id, given.id
