// The documents of each combination: largest Jaccard similarity between its terms and the document's terms, aliases
// counted as what they are merged into, ties by document id.
// access: read
// params: combinations, limit
// returns: id, documents
UNWIND $combinations AS combination
CALL (combination) {
  UNWIND combination.terms AS term_id
  MATCH (term:Term {id: term_id})<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  WITH combination, document, count(DISTINCT term) AS shared
  WITH document, toFloat(shared) / (size(combination.terms) + document.term_count - shared) AS jaccard
  ORDER BY jaccard DESC, document.id
  LIMIT $limit
  RETURN collect({id: document.id, jaccard: jaccard}) AS documents
}
RETURN combination.id AS id, documents
