// Questions with the lowest agreement between votes: review them before you train on them.
// access: read
// params: -
// returns: question, agreement, final_answer, vote_answers, text
MATCH (answer:Answer)-[:ANSWERS]->(question:Question)
WHERE answer.votes > 1
RETURN question.id AS question, answer.agreement AS agreement, answer.final_answer AS final_answer,
       answer.vote_answers AS vote_answers, question.text AS text
ORDER BY agreement, question
LIMIT 50
