// Returns documents and counted pairs that hold any of the terms in $ids.
// access: read
// params: ids
// returns: document, pair
UNWIND $ids AS id
MATCH (:Term {id: id})<-[:HOLDS]-(context)
RETURN DISTINCT context.id AS document, context.key AS pair
