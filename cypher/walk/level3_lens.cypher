// Draws level-3 walks through a lens: a walk visits only terms with a weight, and the probability of a step is
// proportional to count * weight (an integer, thousandths of the user's weight). Runs and members are in the order of
// `walk/level3`, so that equal weights give the same walks. $concept_totals and $topic_totals give the sum of the
// members' weights by slot of a context. The statement reads all contexts of a term, so its time grows with the number
// of the term's documents.
// access: read
// params: walks, weights, concept_totals, topic_totals
// returns: index, path, documents
UNWIND $walks AS walk
MATCH (start:Term {id: walk.start})
OPTIONAL CALL (walk, start) {
  MATCH (context)-[run:HOLDS]->(start)
  WITH walk, start, context, coalesce(context.weight, 1) * ($topic_totals[context.slot] - $weights[start.id]) AS own
  ORDER BY run.place
  WITH walk, start, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, start, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH start, contexts, tickets, toInteger(floor(walk.draws[1] * total)) AS ticket
  WITH start, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH start, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Topic)
  WITH start, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH start, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | CASE members[at] WHEN start THEN last(members) ELSE members[at] END] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS topic_1, context.id AS topic_1_document
}
OPTIONAL CALL (walk, topic_1) {
  WITH walk, topic_1 WHERE walk.draws[0] >= 0.5
  MATCH (context)-[run:HOLDS]->(topic_1)
  WITH walk, topic_1, context, coalesce(context.weight, 1) * ($topic_totals[context.slot] - $weights[topic_1.id]) AS own
  ORDER BY run.place
  WITH walk, topic_1, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, topic_1, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH topic_1, contexts, tickets, toInteger(floor(walk.draws[2] * total)) AS ticket
  WITH topic_1, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH topic_1, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Topic)
  WITH topic_1, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH topic_1, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | CASE members[at] WHEN topic_1 THEN last(members) ELSE members[at] END] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS topic_2, context.id AS topic_2_document
}
WITH walk, start, topic_1, topic_1_document, topic_2, topic_2_document,
     coalesce(topic_2, topic_1, start) AS last_topic
OPTIONAL CALL (walk, last_topic) {
  MATCH (context)-[run:HOLDS]->(last_topic)
  WITH walk, last_topic, context, coalesce(context.weight, 1) * ($concept_totals[context.slot]) AS own
  ORDER BY run.place
  WITH walk, last_topic, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, last_topic, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH last_topic, contexts, tickets, toInteger(floor(walk.draws[3] * total)) AS ticket
  WITH last_topic, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH last_topic, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Concept)
  WITH last_topic, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH last_topic, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | members[at]] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS concept_1, context.id AS concept_1_document
}
OPTIONAL CALL (walk, concept_1) {
  MATCH (context)-[run:HOLDS]->(concept_1)
  WITH walk, concept_1, context, coalesce(context.weight, 1) * ($concept_totals[context.slot] - $weights[concept_1.id]) AS own
  ORDER BY run.place
  WITH walk, concept_1, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, concept_1, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH concept_1, contexts, tickets, toInteger(floor(walk.draws[5] * total)) AS ticket
  WITH concept_1, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH concept_1, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Concept)
  WITH concept_1, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH concept_1, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | CASE members[at] WHEN concept_1 THEN last(members) ELSE members[at] END] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS concept_2, context.id AS concept_2_document
}
OPTIONAL CALL (walk, concept_2) {
  MATCH (context)-[run:HOLDS]->(concept_2)
  WITH walk, concept_2, context, coalesce(context.weight, 1) * ($concept_totals[context.slot] - $weights[concept_2.id]) AS own
  ORDER BY run.place
  WITH walk, concept_2, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, concept_2, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH concept_2, contexts, tickets, toInteger(floor(walk.draws[6] * total)) AS ticket
  WITH concept_2, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH concept_2, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Concept)
  WITH concept_2, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH concept_2, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | CASE members[at] WHEN concept_2 THEN last(members) ELSE members[at] END] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS concept_3, context.id AS concept_3_document
}
OPTIONAL CALL (walk, concept_3) {
  MATCH (context)-[run:HOLDS]->(concept_3)
  WITH walk, concept_3, context, coalesce(context.weight, 1) * ($concept_totals[context.slot] - $weights[concept_3.id]) AS own
  ORDER BY run.place
  WITH walk, concept_3, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, concept_3, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH concept_3, contexts, tickets, toInteger(floor(walk.draws[7] * total)) AS ticket
  WITH concept_3, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH concept_3, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Concept)
  WITH concept_3, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH concept_3, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | CASE members[at] WHEN concept_3 THEN last(members) ELSE members[at] END] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS concept_4, context.id AS concept_4_document
}
OPTIONAL CALL (walk, concept_4) {
  WITH walk, concept_4 WHERE walk.draws[4] >= 0.5
  MATCH (context)-[run:HOLDS]->(concept_4)
  WITH walk, concept_4, context, coalesce(context.weight, 1) * ($concept_totals[context.slot] - $weights[concept_4.id]) AS own
  ORDER BY run.place
  WITH walk, concept_4, collect(context) AS contexts, collect(own) AS tickets
  WITH walk, concept_4, contexts, tickets, reduce(total = 0, own IN tickets | total + own) AS total
  WHERE total > 0
  WITH concept_4, contexts, tickets, toInteger(floor(walk.draws[8] * total)) AS ticket
  WITH concept_4, contexts, tickets, ticket, reduce(found = [0, -1], own IN tickets |
    CASE WHEN found[0] > ticket THEN found ELSE [found[0] + own, found[1] + 1] END) AS found
  WITH concept_4, contexts[found[1]] AS context, ticket - found[0] + tickets[found[1]] AS left
  MATCH (context)-[member:HOLDS]->(held:Concept)
  WITH concept_4, context, left / coalesce(context.weight, 1) AS left, member, held ORDER BY member.place
  WITH concept_4, context, left, collect(held) AS members
  WITH context, left, [at IN range(0, size(members) - 1) | CASE members[at] WHEN concept_4 THEN last(members) ELSE members[at] END] AS options
  RETURN options[reduce(found = [0, -1], option IN options |
    CASE WHEN found[0] > left THEN found ELSE [found[0] + coalesce($weights[option.id], 0), found[1] + 1] END)[1]]
    AS concept_5, context.id AS concept_5_document
}
RETURN walk.index AS index,
       [term IN [start, topic_1, topic_2, concept_1, concept_2, concept_3, concept_4, concept_5]
        WHERE term IS NOT NULL | term.id] AS path,
       [step IN [[topic_1, topic_1_document], [topic_2, topic_2_document], [concept_1, concept_1_document],
                 [concept_2, concept_2_document], [concept_3, concept_3_document], [concept_4, concept_4_document],
                 [concept_5, concept_5_document]]
        WHERE step[0] IS NOT NULL | step[1]] AS documents
