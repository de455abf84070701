// Deletes combinations by id.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (combination:Combination {id: id})
DETACH DELETE combination
