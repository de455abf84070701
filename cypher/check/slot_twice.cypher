// Every concept and topic has a slot of its own.
// access: read
// params: -
// returns: slot, terms
MATCH (term:Concept|Topic)
WITH term.slot AS slot, collect(term.id) AS terms
WHERE slot IS NULL OR size(terms) > 1
RETURN slot, terms
