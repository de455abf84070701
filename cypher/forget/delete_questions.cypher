// Deletes questions by id.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (question:Question {id: id})
DETACH DELETE question
