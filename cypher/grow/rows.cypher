// Some terms with their neighbours and counts, and the steps that they have; each end known by its slot.
// access: read
// params: ids
// returns: slot, neighbours, counts, targets, tickets, upto
UNWIND $ids AS id
MATCH (term:Term {id: id})
WHERE NOT term:Alias
CALL (term) {
  MATCH (term)-[pair:CO_OCCURS_WITH]-(neighbour:Term)
  RETURN collect(neighbour.slot) AS neighbours, collect(pair.count) AS counts
}
CALL (term) {
  MATCH (term)-[step:NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->(target:Term)
  RETURN collect(target.slot) AS targets, collect(step.tickets) AS tickets, collect(step.upto) AS upto
}
RETURN term.slot AS slot, neighbours, counts, targets, tickets, upto
