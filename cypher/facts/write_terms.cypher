// Creates terms by id, and their mentions in documents that have no mentions yet, so no check for existing ones is
// needed. A row names terms by their position in $terms, so that each term is looked up once. The first spelling is the
// name until `facts/name_terms` counts them. A merged term keeps its label Alias.
// access: write
// params: terms, rows
// returns: -
UNWIND range(0, size($terms) - 1) AS place
WITH place, $terms[place] AS row
MERGE (term:Term {id: row.id})
ON CREATE SET term:$(row.label), term.kind = row.kind, term.name = row.name
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
