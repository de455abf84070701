// Steps that no co-occurrence stands behind any more.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (:Term {id: row.id})-[step:NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->(target:Term)
WHERE target.slot IN row.targets
DELETE step
