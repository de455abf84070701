// A co-occurrence goes from the smaller id to the larger, between two terms that are not aliases, and stands once.
// access: read
// params: -
// returns: first, second, pairs
MATCH (first:Term)-[pair:CO_OCCURS_WITH]->(second:Term)
WITH first, second, count(pair) AS pairs
WHERE pairs > 1 OR first.id >= second.id OR first:Alias OR second:Alias
RETURN first.id AS first, second.id AS second, pairs
