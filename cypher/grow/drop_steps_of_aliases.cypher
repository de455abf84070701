// Terms that have become aliases leave the derived layers.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
WHERE term:Alias
CALL (term) {
  MATCH (term)-[step:NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]-()
  DELETE step
}
REMOVE term.slot, term.document_count, term.digest, term.changed,
       term.next_topic_from, term.next_topic_tickets,
       term.first_concept_from, term.first_concept_tickets,
       term.next_concept_from, term.next_concept_tickets
