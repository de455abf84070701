// Returns the terms that the documents in $ids mention. `is_kept` says whether anything else refers to the term.
// access: read
// params: ids
// returns: id, is_kept
UNWIND $ids AS id
MATCH (document:Document {id: id})-[:MENTIONS]->(term)
USING INDEX SEEK document:Document(id)
WITH DISTINCT term
RETURN term.id AS id,
       EXISTS { (term)<-[:MENTIONS]-(other) WHERE NOT other.id IN $ids }
       OR EXISTS { (term)-[:COUNTED_WITH]-() } AS is_kept
ORDER BY id
