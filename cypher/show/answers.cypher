// Returns the answers to a question.
// access: read
// params: id
// returns: id, text, final_answer, votes, agreement, verdict, verdict_reason, passed, failed, undecided, model
MATCH (:Question {id: $id})<-[:ANSWERS]-(answer:Answer)
RETURN answer.id AS id, answer.text AS text, answer.final_answer AS final_answer, answer.votes AS votes,
       answer.agreement AS agreement, answer.verdict AS verdict, answer.verdict_reason AS verdict_reason,
       answer.passed AS passed, answer.failed AS failed, answer.undecided AS undecided, answer.model AS model
ORDER BY id
