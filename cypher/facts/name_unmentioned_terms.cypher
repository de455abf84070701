// Terms that no document mentions are named by the smallest spelling that a table of pairs has used, whatever the order.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
WHERE row.name < term.name AND NOT EXISTS { (term)<-[:MENTIONS]-(:Document) }
SET term.name = row.name
