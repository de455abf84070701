// The same walks through a lens: only terms with a weight may be visited, and a step's tickets are multiplied by the
// weight of its end (a whole number, thousandths of the user's). Tickets are laid out in the order of `upto`, so that
// equal weights give the walks of `walk/level3`. It reads all steps of a term, so it costs time in its degree.
// access: read
// params: walks, weights
// returns: index, path
UNWIND $walks AS walk
MATCH (start:Term {id: walk.start})
OPTIONAL CALL (walk, start) {
  MATCH (start)-[step:NEXT_TOPIC]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[1] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS topic_1
}
OPTIONAL CALL (walk, topic_1) {
  WITH walk, topic_1 WHERE walk.draws[0] >= 0.5
  MATCH (topic_1)-[step:NEXT_TOPIC]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[2] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS topic_2
}
WITH walk, start, topic_1, topic_2, coalesce(topic_2, topic_1, start) AS last_topic
OPTIONAL CALL (walk, last_topic) {
  MATCH (last_topic)-[step:FIRST_CONCEPT]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[3] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS concept_1
}
OPTIONAL CALL (walk, concept_1) {
  MATCH (concept_1)-[step:NEXT_CONCEPT]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[5] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS concept_2
}
OPTIONAL CALL (walk, concept_2) {
  MATCH (concept_2)-[step:NEXT_CONCEPT]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[6] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS concept_3
}
OPTIONAL CALL (walk, concept_3) {
  MATCH (concept_3)-[step:NEXT_CONCEPT]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[7] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS concept_4
}
OPTIONAL CALL (walk, concept_4) {
  WITH walk, concept_4 WHERE walk.draws[4] >= 0.5
  MATCH (concept_4)-[step:NEXT_CONCEPT]->(next:Term)
  WHERE $weights[next.id] > 0
  WITH walk, next, step ORDER BY step.upto
  WITH walk, collect(next) AS options, collect(step.tickets * $weights[next.id]) AS tickets
  WITH options, tickets, toInteger(floor(walk.draws[8] * reduce(total = 0, own IN tickets | total + own))) AS ticket
  WHERE size(options) > 0
  RETURN options[reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END)[1]] AS concept_5
}
RETURN walk.index AS index,
       [term IN [start, topic_1, topic_2, concept_1, concept_2, concept_3, concept_4, concept_5]
        WHERE term IS NOT NULL | term.id] AS path
