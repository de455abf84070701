// Terms by id, and their mentions by documents that have none yet: no look for an existing one. A row of documents says
// by place in the list of terms what it mentions, so that a term is looked up once, however often it is mentioned. The
// first spelling stands as the name until `facts/name_terms` has counted. A term that was merged keeps its label Alias.
// access: write
// params: terms, rows
// returns: -
UNWIND range(0, size($terms) - 1) AS place
WITH place, $terms[place] AS row
MERGE (term:Term {id: row.id})
ON CREATE SET term:$(row.label), term.kind = row.kind, term.name = row.name, term.changed = 'counts'
WITH term, place
ORDER BY place
WITH collect(term) AS terms
UNWIND $rows AS row
MATCH (document:Document {id: row.id})
SET document.changed = true
WITH terms, document, row
UNWIND range(0, size(row.terms) - 1) AS at
WITH document, terms[row.terms[at]] AS term, row.spellings[at] AS spelling
CREATE (document)-[:MENTIONS {spelling: spelling}]->(term)
