// Adds to the counts of existing co-occurrences and returns those that it found. A pair whose count falls to 0 is
// deleted. All pairs of a term are matched together: matching each pair by its two ends takes ten times as long. The
// direction is ignored, because server and Python order ids with rare characters differently.
// access: write
// params: rows
// returns: first, count, seconds
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
UNWIND row.seconds AS id
MATCH (other:Term {id: id})
WITH first, row.count AS count, collect(other) AS others
MATCH (first)-[pair:CO_OCCURS_WITH]-(second:Term)
WHERE second IN others
SET pair.count = pair.count + count
WITH first, count, pair, second.id AS second, pair.count AS left
FOREACH (_ IN CASE WHEN left <= 0 THEN [1] ELSE [] END | DELETE pair)
RETURN first.id AS first, count, collect(second) AS seconds
