// All concepts and topics in order, with their slots; those that are new have none.
// access: read
// params: -
// returns: id, slot
MATCH (term:Term)
WHERE term.id IS NOT NULL AND (term:Concept OR term:Topic)
RETURN term.id AS id, term.slot AS slot
ORDER BY id
