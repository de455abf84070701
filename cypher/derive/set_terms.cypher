// Sets slots, tickets and document counts of terms. Removes the mark `changed`, unless `is_changed` says that the runs
// of the term are still out of date.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
SET term.slot = row.slot, term.concept_tickets = row.concept_tickets, term.topic_tickets = row.topic_tickets,
    term.document_count = row.document_count, term.changed = CASE WHEN row.is_changed THEN true END
