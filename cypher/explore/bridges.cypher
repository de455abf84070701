// Bridges between two areas, as a picture: concepts that documents of both topics mention, strongest in the weaker one.
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
