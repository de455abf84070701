// Returns the combinations, questions and answers that depend on the documents in $ids or the terms in $terms. A question
// depends on a term that it claims, also if it was written from another document.
// access: read
// params: ids, terms
// returns: combinations, questions, answers
CALL () {
  UNWIND $ids AS id
  MATCH (:Document {id: id})<-[:GROUNDED_IN]-(combination:Combination)
  RETURN combination
  UNION
  UNWIND $terms AS id
  MATCH (:Term {id: id})<-[:VISITS]-(combination:Combination)
  RETURN combination
}
WITH collect(DISTINCT combination) AS combinations
OPTIONAL CALL (combinations) {
  UNWIND $ids AS id
  MATCH (:Document {id: id})<-[:WRITTEN_FROM]-(question:Question)
  RETURN question
  UNION
  UNWIND combinations AS combination
  MATCH (combination)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question
  UNION
  // One row if there are terms, else none, so that questions are not read for nothing.
  UNWIND $terms[0..1] AS first
  MATCH (question:Question)
  WHERE any(concept IN question.concepts WHERE concept IN $terms)
  RETURN question
}
WITH combinations, collect(DISTINCT question) AS questions
RETURN [one IN combinations | one.id] AS combinations, [one IN questions | one.id] AS questions,
       COLLECT {
         UNWIND questions AS question
         MATCH (question)<-[:ANSWERS]-(answer:Answer)
         RETURN answer.id
       } AS answers
