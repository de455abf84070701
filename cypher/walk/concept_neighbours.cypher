// For each concept the concepts that it co-occurs with.
// access: read
// params: -
// returns: id, neighbours
MATCH (concept:Term)
WHERE concept.id IS NOT NULL AND concept:Concept
RETURN concept.id AS id,
       COLLECT { MATCH (concept)-[:CO_OCCURS_WITH]-(other:Concept) RETURN other.id ORDER BY other.id } AS neighbours
ORDER BY id
