// Returns documents and counted pairs with the terms that they hold, the ends of the runs of tickets, and the terms
// that they should hold. Merged terms are resolved.
// access: read
// params: documents, pairs
// returns: document, pair, slot, weight, concept_count, held, concept_upto, topic_upto, terms
CALL () {
  UNWIND $documents AS id
  MATCH (context:Document {id: id})
  CALL (context) {
    MATCH (context)-[:MENTIONS]->(mentioned:Term)
    OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
    WITH DISTINCT coalesce(canonical, mentioned) AS term
    RETURN collect(term.id) AS terms
  }
  RETURN context, terms
  UNION ALL
  UNWIND $pairs AS key
  MATCH (context:CountedPair {key: key})
  CALL (key) {
    UNWIND split(key, '\n') AS id
    MATCH (:Term {id: id})-[:MERGED_INTO*0..1]->(term:Concept|Topic)
    RETURN collect(DISTINCT term.id) AS terms
  }
  RETURN context, terms
}
CALL (context) {
  OPTIONAL MATCH (context)-[run:HOLDS]->(term:Term)
  WITH run, term ORDER BY run.place
  RETURN collect(term.id) AS held, collect(coalesce(run.concept_upto, -1)) AS concept_upto,
         collect(coalesce(run.topic_upto, -1)) AS topic_upto
}
RETURN context.id AS document, context.key AS pair, context.slot AS slot, context.weight AS weight,
       context.concept_count AS concept_count, held, concept_upto, topic_upto, terms
