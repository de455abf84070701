// Returns all contexts of the walks (documents and counted pairs) with the slots of the terms that they hold. Documents
// have an id, counted pairs have a weight.
// access: read
// params: -
// returns: slot, id, weight, terms
MATCH (context:Document|CountedPair)
WHERE context.slot IS NOT NULL
CALL (context) {
  MATCH (context)-[:HOLDS]->(term:Term)
  RETURN collect(term.slot) AS terms
}
RETURN context.slot AS slot, context.id AS id, context.weight AS weight, terms
