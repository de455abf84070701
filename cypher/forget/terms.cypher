// The terms that some documents mention, and whether anything else speaks of each.
// access: read
// params: ids
// returns: id, is_kept
UNWIND $ids AS id
MATCH (:Document {id: id})-[:MENTIONS]->(term:Term)
WITH DISTINCT term
RETURN term.id AS id,
       EXISTS { (term)<-[:MENTIONS]-(other:Document) WHERE NOT other.id IN $ids }
       OR EXISTS { (term)-[:COUNTED_WITH]-(:Term) } AS is_kept
ORDER BY id
