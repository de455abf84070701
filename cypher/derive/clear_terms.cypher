// Removes the derived properties of up to $limit terms and returns their number. The properties from `digest` on were
// written by an earlier version, whose walks did not go through documents.
// access: write
// params: limit
// returns: count
MATCH (term:Term)
WHERE term.slot IS NOT NULL OR term.document_count IS NOT NULL OR term.changed IS NOT NULL
WITH term
LIMIT $limit
REMOVE term.slot, term.document_count, term.changed, term.concept_tickets, term.topic_tickets,
       term.digest, term.next_topic_from, term.next_topic_tickets, term.first_concept_from, term.first_concept_tickets,
       term.next_concept_from, term.next_concept_tickets
RETURN count(*) AS count
