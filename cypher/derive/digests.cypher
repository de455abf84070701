// The digest of each concept's and topic's neighbours and counts, in order.
// access: read
// params: -
// returns: id, digest
MATCH (term:Concept|Topic)
RETURN term.id AS id, term.digest AS digest
ORDER BY id
