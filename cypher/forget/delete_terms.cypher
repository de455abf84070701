// Deletes terms that nothing speaks of any more.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
DETACH DELETE term
