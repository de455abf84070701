// Sets the slot of each term, from which its tickets begin.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
SET term.slot = row.slot
