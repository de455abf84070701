// Writes the terms that documents hold, in order, each with its place and the ends of its runs of tickets. A row names
// terms by their position in $terms, so that each term is looked up once, however many documents hold it.
// access: write
// params: terms, rows
// returns: -
UNWIND range(0, size($terms) - 1) AS place
MATCH (term:Term {id: $terms[place]})
WITH term, place ORDER BY place
WITH collect(term) AS terms
UNWIND $rows AS row
MATCH (document:Document {id: row.id})
SET document.slot = row.slot, document.term_count = size(row.terms), document.concept_count = row.concept_count
REMOVE document.changed
WITH terms, document, row
UNWIND range(0, size(row.terms) - 1) AS at
WITH document, row, at, terms[row.terms[at]] AS term
CREATE (document)-[:HOLDS {place: row.slot * 1048576 + at, concept_upto: row.concept_upto[at],
                           topic_upto: row.topic_upto[at]}]->(term)
