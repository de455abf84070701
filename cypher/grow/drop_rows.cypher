// Deletes the HOLDS relationships of documents and counted pairs, and their mark `changed`. Mentions are kept.
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
SET context.term_count = 0, context.concept_count = 0
REMOVE context.changed
WITH context
MATCH (context)-[run:HOLDS]->()
DELETE run
