// Returns the runs of terms, in the order of their contexts. An alias has no runs.
// access: read
// params: ids
// returns: id, slot, is_alias, places, concept_counts, term_counts, weights, is_document, concept_upto, topic_upto
UNWIND $ids AS id
MATCH (term:Term {id: id})
CALL (term) {
  OPTIONAL MATCH (context)-[run:HOLDS]->(term)
  WITH context, run ORDER BY run.place
  RETURN collect(run.place) AS places, collect(context.concept_count) AS concept_counts,
         collect(context.term_count) AS term_counts,
         [one IN collect(context) | coalesce(one.weight, 1)] AS weights,
         [one IN collect(context) | one:Document] AS is_document,
         collect(coalesce(run.concept_upto, -1)) AS concept_upto, collect(coalesce(run.topic_upto, -1)) AS topic_upto
}
RETURN id, term.slot AS slot, term:Alias AS is_alias, places, concept_counts, term_counts, weights, is_document,
       concept_upto, topic_upto
