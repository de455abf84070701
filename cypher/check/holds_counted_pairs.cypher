// A pair that the user has counted is one context, with the count as its weight, and holds its terms with aliases
// resolved. Every counted pair in the graph comes from a count of the user.
// access: read
// params: -
// returns: pair, count, weight, terms, expected
CALL () {
  MATCH (first:Term)-[counted:COUNTED_WITH]->(second:Term)
  RETURN first.id + '\n' + second.id AS pair, counted.count AS count,
         COLLECT {
           UNWIND [first, second] AS one
           MATCH (one)-[:MERGED_INTO*0..1]->(term:Concept|Topic)
           RETURN DISTINCT term.id ORDER BY term.id
         } AS expected
  UNION ALL
  MATCH (context:CountedPair)
  WHERE NOT EXISTS {
    UNWIND [split(context.key, '\n')] AS ids
    MATCH (:Term {id: ids[0]})-[:COUNTED_WITH]->(:Term {id: ids[1]})
  }
  RETURN context.key AS pair, 0 AS count, [] AS expected
}
OPTIONAL MATCH (context:CountedPair {key: pair})
WITH pair, count, expected, context.weight AS weight,
     COLLECT { MATCH (context)-[:HOLDS]->(term:Term) RETURN term.id ORDER BY term.id } AS terms
WHERE weight IS NULL OR weight <> count OR terms <> expected
RETURN pair, count, weight, terms, expected
