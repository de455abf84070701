// The slot of each term: where its block of tickets starts. What has a new one gets its walk tables anew.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
SET term.slot = row.slot, term.changed = coalesce(term.changed, 'steps')
