// Terms of kind concept, by id. The first spelling stands as the name until `facts/name_terms` has counted.
// A term that was merged keeps its label Alias.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MERGE (term:Term {id: row.id})
ON CREATE SET term:Concept, term.kind = 'concept', term.name = row.name, term.changed = 'counts'
