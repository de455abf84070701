// Takes so many derived relationships away, and says how many these were. All at once, even in batches, are held in the
// server's memory before the first goes.
// access: write
// params: limit
// returns: count
MATCH ()-[derived:CO_OCCURS_WITH|NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->()
WITH derived
LIMIT $limit
DELETE derived
RETURN count(*) AS count
