// Draws many level-3 walks: 1 or 2 steps from topic to topic, one step to a concept, and 3 or 4 steps from concept to
// concept (`kgsynth/walk_law.py`). A draw selects a ticket of the term. The first run whose `upto` is larger than the
// ticket gives the context, and the place of the ticket within the run gives the member: two index seeks per step. If
// the member would be the term itself, the last member replaces it. If a term has no neighbour of the wanted kind, the
// phase ends. `documents` are the documents of the steps, null for a counted pair. The hints are needed: for a large
// graph and many walks, the planner would otherwise scan the index.
// access: read
// params: walks
// returns: index, path, documents
UNWIND $walks AS walk
MATCH (start:Term {id: walk.start})
OPTIONAL CALL (walk, start) {
  WITH walk, start WHERE start.topic_tickets > 0
  WITH start.slot * 1099511627776 + toInteger(floor(walk.draws[1] * start.topic_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(topic_upto)
  WHERE run.topic_upto > ticket
  WITH context, run, ticket ORDER BY run.topic_upto LIMIT 1
  WITH context, run.place AS own, run.place - run.place % 1048576 + context.concept_count AS base, (context.term_count - context.concept_count) - 1 AS others,
       run.topic_upto - ticket AS left
  WITH context, own, base + others AS last, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = CASE WHEN place = own THEN last ELSE place END
  RETURN next AS topic_1, context.id AS topic_1_document
}
OPTIONAL CALL (walk, topic_1) {
  WITH walk, topic_1 WHERE walk.draws[0] >= 0.5 AND topic_1.topic_tickets > 0
  WITH topic_1.slot * 1099511627776 + toInteger(floor(walk.draws[2] * topic_1.topic_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(topic_upto)
  WHERE run.topic_upto > ticket
  WITH context, run, ticket ORDER BY run.topic_upto LIMIT 1
  WITH context, run.place AS own, run.place - run.place % 1048576 + context.concept_count AS base, (context.term_count - context.concept_count) - 1 AS others,
       run.topic_upto - ticket AS left
  WITH context, own, base + others AS last, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = CASE WHEN place = own THEN last ELSE place END
  RETURN next AS topic_2, context.id AS topic_2_document
}
WITH walk, start, topic_1, topic_1_document, topic_2, topic_2_document,
     coalesce(topic_2, topic_1, start) AS last_topic
OPTIONAL CALL (walk, last_topic) {
  WITH walk, last_topic WHERE last_topic.concept_tickets > 0
  WITH last_topic.slot * 1099511627776 + toInteger(floor(walk.draws[3] * last_topic.concept_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(concept_upto)
  WHERE run.concept_upto > ticket
  WITH context, run, ticket ORDER BY run.concept_upto LIMIT 1
  WITH context, run.place - run.place % 1048576 AS base, context.concept_count AS others,
       run.concept_upto - ticket AS left
  WITH context, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = place
  RETURN next AS concept_1, context.id AS concept_1_document
}
OPTIONAL CALL (walk, concept_1) {
  WITH walk, concept_1 WHERE concept_1.concept_tickets > 0
  WITH concept_1.slot * 1099511627776 + toInteger(floor(walk.draws[5] * concept_1.concept_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(concept_upto)
  WHERE run.concept_upto > ticket
  WITH context, run, ticket ORDER BY run.concept_upto LIMIT 1
  WITH context, run.place AS own, run.place - run.place % 1048576 AS base, context.concept_count - 1 AS others,
       run.concept_upto - ticket AS left
  WITH context, own, base + others AS last, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = CASE WHEN place = own THEN last ELSE place END
  RETURN next AS concept_2, context.id AS concept_2_document
}
OPTIONAL CALL (walk, concept_2) {
  WITH walk, concept_2 WHERE concept_2.concept_tickets > 0
  WITH concept_2.slot * 1099511627776 + toInteger(floor(walk.draws[6] * concept_2.concept_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(concept_upto)
  WHERE run.concept_upto > ticket
  WITH context, run, ticket ORDER BY run.concept_upto LIMIT 1
  WITH context, run.place AS own, run.place - run.place % 1048576 AS base, context.concept_count - 1 AS others,
       run.concept_upto - ticket AS left
  WITH context, own, base + others AS last, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = CASE WHEN place = own THEN last ELSE place END
  RETURN next AS concept_3, context.id AS concept_3_document
}
OPTIONAL CALL (walk, concept_3) {
  WITH walk, concept_3 WHERE concept_3.concept_tickets > 0
  WITH concept_3.slot * 1099511627776 + toInteger(floor(walk.draws[7] * concept_3.concept_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(concept_upto)
  WHERE run.concept_upto > ticket
  WITH context, run, ticket ORDER BY run.concept_upto LIMIT 1
  WITH context, run.place AS own, run.place - run.place % 1048576 AS base, context.concept_count - 1 AS others,
       run.concept_upto - ticket AS left
  WITH context, own, base + others AS last, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = CASE WHEN place = own THEN last ELSE place END
  RETURN next AS concept_4, context.id AS concept_4_document
}
OPTIONAL CALL (walk, concept_4) {
  WITH walk, concept_4 WHERE walk.draws[4] >= 0.5 AND concept_4.concept_tickets > 0
  WITH concept_4.slot * 1099511627776 + toInteger(floor(walk.draws[8] * concept_4.concept_tickets)) AS ticket
  MATCH (context)-[run:HOLDS]->(:Term)
  USING INDEX SEEK run:HOLDS(concept_upto)
  WHERE run.concept_upto > ticket
  WITH context, run, ticket ORDER BY run.concept_upto LIMIT 1
  WITH context, run.place AS own, run.place - run.place % 1048576 AS base, context.concept_count - 1 AS others,
       run.concept_upto - ticket AS left
  WITH context, own, base + others AS last, base + others - 1 - (left - 1) / coalesce(context.weight, 1) AS place
  MATCH ()-[member:HOLDS]->(next:Term)
  USING INDEX SEEK member:HOLDS(place)
  WHERE member.place = CASE WHEN place = own THEN last ELSE place END
  RETURN next AS concept_5, context.id AS concept_5_document
}
RETURN walk.index AS index,
       [term IN [start, topic_1, topic_2, concept_1, concept_2, concept_3, concept_4, concept_5]
        WHERE term IS NOT NULL | term.id] AS path,
       [step IN [[topic_1, topic_1_document], [topic_2, topic_2_document], [concept_1, concept_1_document],
                 [concept_2, concept_2_document], [concept_3, concept_3_document], [concept_4, concept_4_document],
                 [concept_5, concept_5_document]]
        WHERE step[0] IS NOT NULL | step[1]] AS documents
