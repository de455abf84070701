// Names terms that no document mentions by the smallest spelling in tables of pairs, whatever the order of arrival.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
WHERE row.name < term.name AND NOT EXISTS { (term)<-[:MENTIONS]-(:Document) }
SET term.name = row.name
