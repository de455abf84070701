// Returns the same as `ground/documents_of_combinations`, but considers only the documents of each combination's walk.
// access: read
// params: combinations, limit
// returns: id, documents
UNWIND $combinations AS combination
CALL (combination) {
  UNWIND combination.through AS document_id
  MATCH (document:Document {id: document_id})
  WITH combination, document,
       COUNT { MATCH (document)-[:HOLDS]->(term:Term) WHERE term.id IN combination.terms } AS shared
  WITH document, toFloat(shared) / (size(combination.terms) + document.term_count - shared) AS jaccard
  ORDER BY jaccard DESC, document.id
  LIMIT $limit
  RETURN collect({id: document.id, jaccard: jaccard}) AS documents
}
RETURN combination.id AS id, documents
