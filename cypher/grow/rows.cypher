// Some terms with their neighbours and counts, and the steps that they have.
// access: read
// params: ids
// returns: id, slot, neighbours, counts, steps
UNWIND $ids AS id
MATCH (term:Term {id: id})
WHERE NOT term:Alias
CALL (term) {
  MATCH (term)-[pair:CO_OCCURS_WITH]-(neighbour:Term)
  RETURN collect(neighbour.id) AS neighbours, collect(pair.count) AS counts
}
CALL (term) {
  MATCH (term)-[step:NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->(target:Term)
  RETURN collect([target.id, elementId(step), step.tickets, step.upto]) AS steps
}
RETURN id, term.slot AS slot, neighbours, counts, steps
