// The terms of a context have consecutive places from the context's slot * 2^20, concepts before topics. The term count
// and the concept count of the context agree with them.
// access: read
// params: -
// returns: context, slot, places
MATCH (context:Document|CountedPair)
CALL (context) {
  OPTIONAL MATCH (context)-[run:HOLDS]->(term:Term)
  WITH run, term ORDER BY run.place
  RETURN collect(run.place) AS places, collect(term:Concept) AS are_concepts
}
WITH context, places, are_concepts, size([one IN are_concepts WHERE one]) AS concepts
WHERE context.term_count <> size(places)
   OR (size(places) > 0 AND context.slot IS NULL)
   OR coalesce(context.concept_count, 0) <> concepts
   OR any(at IN range(0, size(places) - 1) WHERE places[at] <> context.slot * 1048576 + at
          OR are_concepts[at] <> (at < concepts))
RETURN coalesce(context.id, context.key) AS context, context.slot AS slot, places
