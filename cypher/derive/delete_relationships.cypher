// Deletes up to $limit derived relationships and returns their number. The limit bounds the server's memory: one call
// for all of them, even in batches, would load all of them first. The last three types come from graphs of an earlier
// version, whose walks did not go through documents.
// access: write
// params: limit
// returns: count
MATCH ()-[derived:HOLDS|CO_OCCURS_WITH|NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->()
WITH derived
LIMIT $limit
DELETE derived
RETURN count(*) AS count
