// Takes the derived properties off all terms, in batches.
// access: write
// params: -
// returns: -
MATCH (term:Term)
CALL (term) {
  REMOVE term.slot, term.document_count, term.digest, term.changed,
         term.next_topic_from, term.next_topic_tickets,
         term.first_concept_from, term.first_concept_tickets,
         term.next_concept_from, term.next_concept_tickets
} IN TRANSACTIONS OF 10000 ROWS
