// Removes the derived properties of terms that have become aliases.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
REMOVE term.slot, term.document_count, term.changed, term.concept_tickets, term.topic_tickets
