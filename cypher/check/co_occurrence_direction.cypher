// A co-occurrence goes from the smaller id to the larger, between two terms that are not aliases, and stands once. Of two
// ids with characters from U+E000 on either way is right, not both: the server has two orders for these.
// access: read
// params: -
// returns: first, second, pairs
MATCH (first:Term)
WITH first, first.id =~ '(?s).*[\\x{E000}-\\x{10FFFF}].*' AS is_rare
MATCH (first)-[pair:CO_OCCURS_WITH]->(second:Term)
WITH first, is_rare, second, count(pair) AS pairs
WITH first, second, pairs, is_rare AND second.id =~ '(?s).*[\\x{E000}-\\x{10FFFF}].*' AS has_two_orders
WHERE pairs > 1 OR first:Alias OR second:Alias
   OR CASE has_two_orders WHEN true THEN EXISTS { (second)-[:CO_OCCURS_WITH]->(first) } ELSE first.id >= second.id END
RETURN first.id AS first, second.id AS second, pairs
