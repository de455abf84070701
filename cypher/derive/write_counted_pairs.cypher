// Writes counted pairs as contexts of the walks, with the terms that they hold. The format of the rows is that of
// `derive/write_documents`.
// access: write
// params: terms, rows
// returns: -
UNWIND range(0, size($terms) - 1) AS place
MATCH (term:Term {id: $terms[place]})
WITH term, place ORDER BY place
WITH collect(term) AS terms
UNWIND $rows AS row
MERGE (pair:CountedPair {key: row.id})
SET pair.slot = row.slot, pair.term_count = size(row.terms), pair.concept_count = row.concept_count,
    pair.weight = row.weight
REMOVE pair.changed
WITH terms, pair, row
UNWIND range(0, size(row.terms) - 1) AS at
WITH pair, row, at, terms[row.terms[at]] AS term
CREATE (pair)-[:HOLDS {place: row.slot * 1048576 + at, concept_upto: row.concept_upto[at],
                       topic_upto: row.topic_upto[at]}]->(term)
