// Which of some ids are documents of the graph.
// access: read
// params: ids
// returns: id
UNWIND $ids AS id
MATCH (document:Document {id: id})
RETURN document.id AS id
ORDER BY id
