// Returns terms whose runs must be computed again, with the number of their runs.
// access: read
// params: -
// returns: id, weight
MATCH (term:Term {changed: true})
RETURN term.id AS id, COUNT { (term)<-[:HOLDS]-() } AS weight
ORDER BY id
