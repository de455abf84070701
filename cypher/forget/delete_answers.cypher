// Deletes answers by id.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (answer:Answer {id: id})
DETACH DELETE answer
