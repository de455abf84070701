// Deletes terms that nothing speaks of any more; the walk tables of what they stood with are made anew.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
CALL (term) {
  MATCH (term)-[:CO_OCCURS_WITH]-(other:Term)
  SET other.changed = coalesce(other.changed, 'steps')
}
DETACH DELETE term
