// Some terms with all their neighbours and counts, collected per term, each known by its slot.
// access: read
// params: ids
// returns: slot, neighbours, counts
UNWIND $ids AS id
MATCH (term:Term {id: id})
CALL (term) {
  MATCH (term)-[pair:CO_OCCURS_WITH]-(neighbour:Term)
  RETURN collect(neighbour.slot) AS neighbours, collect(pair.count) AS counts
}
RETURN term.slot AS slot, neighbours, counts
