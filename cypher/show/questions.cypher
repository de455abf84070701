// Returns questions by id, with the ids of their answers.
// access: read
// params: ids
// returns: id, level, text, answers
UNWIND $ids AS id
MATCH (question:Question {id: id})
RETURN question.id AS id, question.level AS level, question.text AS text,
       COLLECT { MATCH (question)<-[:ANSWERS]-(answer:Answer) RETURN answer.id ORDER BY answer.id } AS answers
ORDER BY id
