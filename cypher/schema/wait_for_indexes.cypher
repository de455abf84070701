// Wait until every index can be used; at most two minutes.
// access: read
// params: -
// returns: -
CALL db.awaitIndexes(120)
