// Returns the derived properties of terms.
// access: read
// params: ids
// returns: id, slot, concept_tickets, topic_tickets, document_count, is_changed
UNWIND $ids AS id
MATCH (term:Term {id: id})
RETURN id, term.slot AS slot, term.concept_tickets AS concept_tickets, term.topic_tickets AS topic_tickets,
       coalesce(term.document_count, 0) AS document_count, coalesce(term.changed, false) AS is_changed
