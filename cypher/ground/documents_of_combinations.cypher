// Returns up to $limit documents per combination: those with the largest Jaccard similarity between the terms of the
// combination and the terms that the document holds. Ties are resolved by document id.
// access: read
// params: combinations, limit
// returns: id, documents
UNWIND $combinations AS combination
CALL (combination) {
  UNWIND combination.terms AS term_id
  MATCH (:Term {id: term_id})<-[:HOLDS]-(document:Document)
  WITH combination, document, count(*) AS shared
  WITH document, toFloat(shared) / (size(combination.terms) + document.term_count - shared) AS jaccard
  ORDER BY jaccard DESC, document.id
  LIMIT $limit
  RETURN collect({id: document.id, jaccard: jaccard}) AS documents
}
RETURN combination.id AS id, documents
