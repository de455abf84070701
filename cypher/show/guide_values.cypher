// Returns examples for the guide: the topic with the most documents, the topic and the concept that co-occur most with
// it, a term with merged names, and a question with its combination and document. Each is null if there is none.
// access: read
// params: -
// returns: first, second, concept, term, question, combination, document
OPTIONAL CALL () {
  MATCH (one:Topic)
  RETURN one ORDER BY one.document_count DESC, one.id LIMIT 1
}
OPTIONAL CALL (one) {
  MATCH (one)-[pair:CO_OCCURS_WITH]-(other:Topic)
  RETURN other ORDER BY pair.count DESC, other.id LIMIT 1
}
OPTIONAL CALL (one) {
  MATCH (one)-[pair:CO_OCCURS_WITH]-(concept:Concept)
  RETURN concept ORDER BY pair.count DESC, concept.id LIMIT 1
}
OPTIONAL CALL () {
  MATCH (:Alias)-[:MERGED_INTO]->(term:Term)
  RETURN term ORDER BY term.document_count DESC, term.id LIMIT 1
}
OPTIONAL CALL () {
  MATCH (question:Question)-[:WRITTEN_FROM]->(combination:Combination)-[:GROUNDED_IN]->(document:Document)
  RETURN question, combination, document ORDER BY question.id, document.id LIMIT 1
}
OPTIONAL CALL () {
  MATCH (any:Document)
  RETURN any ORDER BY any.id LIMIT 1
}
RETURN one.name AS first, other.name AS second, concept.name AS concept, term.name AS term, question.id AS question,
       combination.id AS combination, coalesce(document.id, any.id) AS document
