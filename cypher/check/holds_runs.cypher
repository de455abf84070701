// The runs of a term's tickets follow each other without gaps, in the order of the contexts, from the term's slot *
// 2^40. A run has as many tickets as the context holds other terms of the kind, times the context's weight. A run
// without tickets has no end, because a seek could take its end for that of the run before. The number of tickets is
// stored at the term.
// access: read
// params: -
// returns: term, kind, tickets, expected
MATCH (term:Term)
UNWIND CASE WHEN term:Topic THEN ['concept', 'topic'] ELSE ['concept', ''] END AS kind
CALL (term, kind) {
  OPTIONAL MATCH (context)-[run:HOLDS]->(term)
  WITH context, run, CASE kind WHEN 'concept' THEN run.concept_upto ELSE coalesce(run.topic_upto, -1) END AS upto,
       CASE kind WHEN 'concept' THEN context.concept_count ELSE context.term_count - context.concept_count END
       - CASE WHEN term.kind = kind THEN 1 ELSE 0 END AS others
  ORDER BY run.place
  RETURN collect(CASE WHEN run IS NOT NULL THEN [coalesce(upto, -2), others * coalesce(context.weight, 1)] END)
         AS runs
}
WITH term, kind, runs, [one IN runs WHERE one[1] <> 0 | one] AS filled
WITH term, kind, [one IN filled | one[0]] AS upto, [one IN filled | one[1]] AS lengths,
     any(one IN runs WHERE one[0] >= 0 AND (one[1] = 0 OR kind = '')) AS is_wrong
WITH term, kind, upto, lengths, is_wrong, reduce(total = 0, own IN lengths | total + own) AS total,
     CASE kind WHEN 'concept' THEN term.concept_tickets ELSE term.topic_tickets END AS tickets
WHERE is_wrong OR CASE kind
        WHEN '' THEN tickets IS NOT NULL
        ELSE coalesce(tickets, 0) <> total OR any(at IN range(0, size(upto) - 1) WHERE
               upto[at] - lengths[at] <> CASE at WHEN 0 THEN term.slot * 1099511627776 ELSE upto[at - 1] END)
      END
RETURN term.id AS term, kind, tickets, total AS expected
