// Some terms with all their neighbours and counts, collected per term.
// access: read
// params: ids
// returns: id, neighbours, counts
UNWIND $ids AS id
MATCH (term:Term {id: id})
CALL (term) {
  MATCH (term)-[pair:CO_OCCURS_WITH]-(neighbour:Term)
  RETURN collect(neighbour.id) AS neighbours, collect(pair.count) AS counts
}
RETURN id, neighbours, counts
