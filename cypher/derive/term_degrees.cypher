// All concepts and topics in order, with their slots and the number of terms that each co-occurs with.
// access: read
// params: -
// returns: id, slot, degree
MATCH (term:Term)
WHERE term.id IS NOT NULL AND (term:Concept OR term:Topic)
RETURN term.id AS id, term.slot AS slot, COUNT { (term)-[:CO_OCCURS_WITH]-() } AS degree
ORDER BY id
