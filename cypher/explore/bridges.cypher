// Concepts that connect two topics, as a picture: those that co-occur with both topics. They are ordered by the smaller
// of the two counts, largest first. $first and $second are ids or names.
// access: read
// params: first, second
// returns: one, with_one, concept, with_other, other
MATCH (one:Term:Topic)
WHERE one.id = $first OR one.name = $first
MATCH (other:Term:Topic)
WHERE other.id = $second OR other.name = $second
MATCH (one)-[with_one:CO_OCCURS_WITH]-(concept:Concept)
MATCH (concept)-[with_other:CO_OCCURS_WITH]-(other)
WITH one, with_one, concept, with_other, other,
     CASE WHEN with_one.count < with_other.count THEN with_one.count ELSE with_other.count END AS weaker
RETURN one, with_one, concept, with_other, other
ORDER BY weaker DESC, concept.id
LIMIT 15
