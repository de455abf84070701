// All questions that depend on a document: those written from it and those written from a combination that is grounded
// in it. Use it for a request to take the document down.
// access: read
// params: document
// returns: question, level, text, combination, answers
MATCH (document:Document {id: $document})
CALL (document) {
  MATCH (document)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question, null AS combination
  UNION
  MATCH (document)<-[:GROUNDED_IN]-(found:Combination)<-[:WRITTEN_FROM]-(question:Question)
  RETURN question, found.id AS combination
}
RETURN question.id AS question, question.level AS level, question.text AS text, combination,
       COUNT { (question)<-[:ANSWERS]-(:Answer) } AS answers
ORDER BY level, question
