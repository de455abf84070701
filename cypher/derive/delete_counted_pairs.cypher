// Deletes up to $limit counted pairs and returns their number.
// access: write
// params: limit
// returns: count
MATCH (pair:CountedPair)
WITH pair
LIMIT $limit
DELETE pair
RETURN count(*) AS count
