// The tickets of a term's NEXT_CONCEPT steps follow each other without gap, largest count first, then by id, and fill its block.
// access: read
// params: -
// returns: term, tickets, expected
MATCH (term:Term)
CALL (term) {
  OPTIONAL MATCH (term)-[step:NEXT_CONCEPT]->(target:Term)
  WITH step, target ORDER BY step.tickets DESC, target.id
  RETURN collect(step.upto) AS upto, collect(step.tickets) AS tickets
}
WITH term, upto, tickets, reduce(total = 0, own IN tickets | total + own) AS total
WHERE coalesce(term.next_concept_tickets, 0) <> total
   OR (total > 0 AND term.next_concept_from <> term.slot * 1099511627776)
   OR any(position IN range(0, size(upto) - 1) WHERE upto[position] - tickets[position] <>
          CASE position WHEN 0 THEN term.next_concept_from ELSE upto[position - 1] END)
RETURN term.id AS term, term.next_concept_tickets AS tickets, total AS expected
