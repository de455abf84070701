// The block of tickets of each term: where it starts and how many there are in each step table; and the digest of its
// neighbours and counts.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
SET term.digest = row.digest,
    term.next_topic_from = row.from,
    term.next_topic_tickets = row.next_topic,
    term.first_concept_from = row.from,
    term.first_concept_tickets = row.first_concept,
    term.next_concept_from = row.from,
    term.next_concept_tickets = row.next_concept
REMOVE term.changed
