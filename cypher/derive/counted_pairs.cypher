// Returns all pairs that the user has counted, with the slots of their terms. Merged terms are resolved.
// access: read
// params: -
// returns: first, second, count, terms
MATCH (first:Term)-[pair:COUNTED_WITH]->(second:Term)
RETURN first.id AS first, second.id AS second, pair.count AS count,
       COLLECT {
         UNWIND [first, second] AS counted
         MATCH (counted)-[:MERGED_INTO*0..1]->(term:Concept|Topic)
         RETURN DISTINCT term.slot
       } AS terms
