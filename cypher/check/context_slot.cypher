// Every document or counted pair that holds a term has a unique slot.
// access: read
// params: -
// returns: slot, contexts
MATCH (context:Document|CountedPair)
WHERE EXISTS { (context)-[:HOLDS]->() }
WITH context.slot AS slot, collect(coalesce(context.id, context.key)) AS contexts
WHERE slot IS NULL OR size(contexts) > 1
RETURN slot, contexts
