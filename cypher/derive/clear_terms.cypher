// Takes the derived properties off so many terms that have some, and says how many these were.
// access: write
// params: limit
// returns: count
MATCH (term:Term)
WHERE term.slot IS NOT NULL OR term.document_count IS NOT NULL OR term.digest IS NOT NULL OR term.changed IS NOT NULL
WITH term
LIMIT $limit
REMOVE term.slot, term.document_count, term.digest, term.changed,
       term.next_topic_from, term.next_topic_tickets,
       term.first_concept_from, term.first_concept_tickets,
       term.next_concept_from, term.next_concept_tickets
RETURN count(*) AS count
