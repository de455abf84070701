// Deletes terms by id. The caller passes terms that nothing refers to any more.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
DETACH DELETE term
