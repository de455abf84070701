// What some new documents mention, a merged name as what it counts as; `known` are those whose counts go on.
// access: write
// params: ids
// returns: id, terms, known
UNWIND $ids AS id
MATCH (document:Document {id: id, changed: true})
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT coalesce(canonical, mentioned) AS term
  RETURN collect(term.id) AS terms, collect(CASE WHEN coalesce(term.changed, '') = 'counts' THEN null ELSE term.id END) AS known
}
SET document.term_count = size(terms)
REMOVE document.changed
RETURN id, terms, known
