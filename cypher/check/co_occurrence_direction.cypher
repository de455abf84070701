// A co-occurrence goes from the smaller id to the larger, joins two terms that are not aliases, and exists once. The
// server has two orders for a character beyond U+FFFF and a character from U+E000 to U+FFFF. For such a pair, both
// directions are valid.
// access: read
// params: -
// returns: first, second, pairs
MATCH (first:Term)-[pair:CO_OCCURS_WITH]->(second:Term)
WITH first, second, count(pair) AS pairs
WHERE pairs > 1 OR first:Alias OR second:Alias OR (first.id >= second.id AND NOT (
    (first.id =~ '(?s).*[\\x{10000}-\\x{10FFFF}].*' AND second.id =~ '(?s).*[\\x{E000}-\\x{FFFF}].*'
     OR second.id =~ '(?s).*[\\x{10000}-\\x{10FFFF}].*' AND first.id =~ '(?s).*[\\x{E000}-\\x{FFFF}].*')
    AND NOT EXISTS { (second)-[:CO_OCCURS_WITH]->(first) }
))
RETURN first.id AS first, second.id AS second, pairs
