// Returns questions that were written from a document or from a combination that is grounded in it.
// access: read
// params: id
// returns: id, level, text
MATCH (document:Document {id: $id})
CALL (document) {
  MATCH (document)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question
  UNION
  MATCH (document)<-[:GROUNDED_IN]-(:Combination)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question
}
RETURN question.id AS id, question.level AS level, question.text AS text
ORDER BY id
