// Returns examples for the guide. Each is null if its step would show nothing: the topic with the most documents (any);
// the same if a concept co-occurs with it, with that concept, and with the topic that shares the most of its concepts; a
// term with merged names; a document with terms; a question, with a combination if it was written from one; and
// whether there are questions and a concept that none of them shows.
// access: read
// params: -
// returns: topics, first, second, concept, term, document, question, combination, unused
OPTIONAL CALL () {
  MATCH (topic:Topic)
  RETURN topic ORDER BY topic.document_count DESC, topic.id LIMIT 1
}
OPTIONAL CALL (topic) {
  MATCH (topic)-[pair:CO_OCCURS_WITH]-(concept:Concept)
  RETURN concept ORDER BY pair.count DESC, concept.id LIMIT 1
}
OPTIONAL CALL (topic) {
  MATCH (topic)-[pair:CO_OCCURS_WITH]-(shared:Concept)
  WITH shared ORDER BY pair.count DESC, shared.id LIMIT 100
  MATCH (shared)-[:CO_OCCURS_WITH]-(other:Topic)
  WHERE other <> topic
  RETURN other, count(*) AS concepts ORDER BY concepts DESC, other.id LIMIT 1
}
OPTIONAL CALL () {
  MATCH (hub:Concept)
  WITH hub ORDER BY hub.document_count DESC, hub.id LIMIT 100
  WHERE EXISTS { (hub)-[:CO_OCCURS_WITH]-(:Concept) }
  RETURN hub ORDER BY hub.document_count DESC, hub.id LIMIT 1
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
  MATCH (any_question:Question)
  RETURN any_question ORDER BY any_question.id LIMIT 1
}
OPTIONAL CALL () {
  MATCH (any_document:Document)
  WHERE EXISTS { (any_document)-[:MENTIONS]->(:Term) }
  RETURN any_document ORDER BY any_document.id LIMIT 1
}
RETURN topic.name AS topics, CASE WHEN concept IS NOT NULL THEN topic.name END AS first, other.name AS second,
       CASE WHEN EXISTS { (concept)-[:CO_OCCURS_WITH]-(:Concept) } THEN concept.name ELSE hub.name END AS concept,
       term.name AS term, coalesce(document.id, any_document.id) AS document,
       coalesce(question.id, any_question.id) AS question, combination.id AS combination,
       CASE WHEN any_question IS NOT NULL AND EXISTS {
         MATCH (unused:Concept)
         WHERE NOT EXISTS {
           MATCH (unused)<-[:VISITS]-(:Combination)<-[:WRITTEN_FROM]-(asked:Question)
           WHERE unused.id IN coalesce(asked.seen_concepts, asked.concepts)
         }
       } THEN 'some' END AS unused
