// Adds to the counts of pairs that are there and says which. All pairs of a term are looked at at once: to look for each
// by its two ends takes ten times as long. Whichever way a pair was stored: of ids with rare characters the server calls
// another one the smaller than Python does.
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
RETURN first.id AS first, count, collect(second.id) AS seconds
