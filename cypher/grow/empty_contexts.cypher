// Removes all terms from documents and counted pairs, and marks the contexts and these terms as changed for the next
// build.
// access: write
// params: documents, pairs
// returns: -
CALL () {
  UNWIND $documents AS id
  MATCH (context:Document {id: id})
  RETURN context
  UNION ALL
  UNWIND $pairs AS key
  MATCH (context:CountedPair {key: key})
  RETURN context
}
SET context.term_count = 0, context.concept_count = 0, context.changed = true
WITH context
MATCH (context)-[run:HOLDS]->(term:Term)
SET term.changed = true
DELETE run
