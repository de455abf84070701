// Steps that no co-occurrence stands behind any more.
// access: write
// params: steps
// returns: -
UNWIND $steps AS id
MATCH ()-[step:NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->()
WHERE elementId(step) = id
DELETE step
