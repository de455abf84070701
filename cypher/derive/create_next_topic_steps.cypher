// NEXT_TOPIC steps of the given terms; `upto` is the first ticket that is no longer the step's own.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (source:Term {id: row.id})
UNWIND range(0, size(row.targets) - 1) AS position
MATCH (target:Term {id: row.targets[position]})
CREATE (source)-[:NEXT_TOPIC {tickets: row.tickets[position], upto: row.upto[position]}]->(target)
