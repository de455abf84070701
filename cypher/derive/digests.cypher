// The digest of each concept's and topic's neighbours and counts, in order.
// access: read
// params: -
// returns: id, digest
MATCH (term:Term)
WHERE term.id IS NOT NULL AND (term:Concept OR term:Topic)
RETURN term.id AS id, term.digest AS digest
ORDER BY id
