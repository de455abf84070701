// Terms of kind topic, by id. The first spelling stands as the name until `facts/name_terms` has counted.
// A term that was merged keeps its label Alias.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MERGE (term:Term {id: row.id})
ON CREATE SET term:Topic, term.kind = 'topic', term.name = row.name, term.changed = 'counts'
