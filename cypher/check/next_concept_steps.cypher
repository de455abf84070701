// The NEXT_CONCEPT steps of a term are its co-occurrences of that kind, with as many tickets as their count, and only those.
// access: read
// params: -
// returns: source, target, tickets, expected
MATCH (source:Concept)
CALL (source) {
  MATCH (source)-[pair:CO_OCCURS_WITH]-(target:Concept)
  RETURN target, pair.count AS expected, 0 AS tickets
  UNION ALL
  MATCH (source)-[step:NEXT_CONCEPT]->(target:Term)
  RETURN target, 0 AS expected, step.tickets AS tickets
}
WITH source, target, sum(expected) AS expected, sum(tickets) AS tickets
WHERE expected <> tickets
RETURN source.id AS source, target.id AS target, tickets, expected
