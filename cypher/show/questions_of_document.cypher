// Questions that touch a document: written from it, or from a combination that is grounded in it.
// access: read
// params: ids
// returns: id, level, text, answers, documents
UNWIND $ids AS id
MATCH (document:Document {id: id})
CALL (document) {
  MATCH (document)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question
  UNION
  MATCH (document)<-[:GROUNDED_IN]-(:Combination)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question
}
WITH question, collect(DISTINCT id) AS documents
RETURN question.id AS id, question.level AS level, question.text AS text,
       COLLECT { MATCH (question)<-[:ANSWERS]-(answer:Answer) RETURN answer.id ORDER BY answer.id } AS answers, documents
ORDER BY id
