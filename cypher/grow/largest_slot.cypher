// The largest slot that a term has.
// access: read
// params: -
// returns: slot
MATCH (term:Concept|Topic)
RETURN coalesce(max(term.slot), -1) AS slot
