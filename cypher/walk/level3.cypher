// Level-3 walks of the paper, many in one statement: 1 or 2 steps from topic to topic, one to a concept, 3 or 4 from
// concept to concept. A draw picks a ticket, and the step taken is the first whose `upto` is larger: one index seek.
// `draws`: second topic step?, topic 1, topic 2, first concept, fourth concept step?, concepts 2 to 5. A dead end stops
// its phase. The hints are needed: of a large graph and many walks the planner would read the index from its beginning.
// access: read
// params: walks
// returns: index, path
UNWIND $walks AS walk
MATCH (start:Term {id: walk.start})
OPTIONAL CALL (walk, start) {
  WITH walk, start WHERE start.next_topic_tickets > 0
  WITH start.next_topic_from + toInteger(floor(walk.draws[1] * start.next_topic_tickets)) AS ticket
  MATCH ()-[step:NEXT_TOPIC]->(next:Term)
  USING INDEX SEEK step:NEXT_TOPIC(upto)
  WHERE step.upto > ticket
  RETURN next AS topic_1 ORDER BY step.upto LIMIT 1
}
OPTIONAL CALL (walk, topic_1) {
  WITH walk, topic_1 WHERE walk.draws[0] >= 0.5 AND topic_1.next_topic_tickets > 0
  WITH topic_1.next_topic_from + toInteger(floor(walk.draws[2] * topic_1.next_topic_tickets)) AS ticket
  MATCH ()-[step:NEXT_TOPIC]->(next:Term)
  USING INDEX SEEK step:NEXT_TOPIC(upto)
  WHERE step.upto > ticket
  RETURN next AS topic_2 ORDER BY step.upto LIMIT 1
}
WITH walk, start, topic_1, topic_2, coalesce(topic_2, topic_1, start) AS last_topic
OPTIONAL CALL (walk, last_topic) {
  WITH walk, last_topic WHERE last_topic.first_concept_tickets > 0
  WITH last_topic.first_concept_from + toInteger(floor(walk.draws[3] * last_topic.first_concept_tickets)) AS ticket
  MATCH ()-[step:FIRST_CONCEPT]->(next:Term)
  USING INDEX SEEK step:FIRST_CONCEPT(upto)
  WHERE step.upto > ticket
  RETURN next AS concept_1 ORDER BY step.upto LIMIT 1
}
OPTIONAL CALL (walk, concept_1) {
  WITH walk, concept_1 WHERE concept_1.next_concept_tickets > 0
  WITH concept_1.next_concept_from + toInteger(floor(walk.draws[5] * concept_1.next_concept_tickets)) AS ticket
  MATCH ()-[step:NEXT_CONCEPT]->(next:Term)
  USING INDEX SEEK step:NEXT_CONCEPT(upto)
  WHERE step.upto > ticket
  RETURN next AS concept_2 ORDER BY step.upto LIMIT 1
}
OPTIONAL CALL (walk, concept_2) {
  WITH walk, concept_2 WHERE concept_2.next_concept_tickets > 0
  WITH concept_2.next_concept_from + toInteger(floor(walk.draws[6] * concept_2.next_concept_tickets)) AS ticket
  MATCH ()-[step:NEXT_CONCEPT]->(next:Term)
  USING INDEX SEEK step:NEXT_CONCEPT(upto)
  WHERE step.upto > ticket
  RETURN next AS concept_3 ORDER BY step.upto LIMIT 1
}
OPTIONAL CALL (walk, concept_3) {
  WITH walk, concept_3 WHERE concept_3.next_concept_tickets > 0
  WITH concept_3.next_concept_from + toInteger(floor(walk.draws[7] * concept_3.next_concept_tickets)) AS ticket
  MATCH ()-[step:NEXT_CONCEPT]->(next:Term)
  USING INDEX SEEK step:NEXT_CONCEPT(upto)
  WHERE step.upto > ticket
  RETURN next AS concept_4 ORDER BY step.upto LIMIT 1
}
OPTIONAL CALL (walk, concept_4) {
  WITH walk, concept_4 WHERE walk.draws[4] >= 0.5 AND concept_4.next_concept_tickets > 0
  WITH concept_4.next_concept_from + toInteger(floor(walk.draws[8] * concept_4.next_concept_tickets)) AS ticket
  MATCH ()-[step:NEXT_CONCEPT]->(next:Term)
  USING INDEX SEEK step:NEXT_CONCEPT(upto)
  WHERE step.upto > ticket
  RETURN next AS concept_5 ORDER BY step.upto LIMIT 1
}
RETURN walk.index AS index,
       [term IN [start, topic_1, topic_2, concept_1, concept_2, concept_3, concept_4, concept_5]
        WHERE term IS NOT NULL | term.id] AS path
