// Returns all concepts and topics with their slots.
// access: read
// params: -
// returns: id, slot
MATCH (term:Term)
WHERE term.id IS NOT NULL AND (term:Concept OR term:Topic)
RETURN term.id AS id, term.slot AS slot
