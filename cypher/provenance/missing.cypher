// Returns the ids in $documents without a document in the graph, the ids in $terms without a term, and the ids in
// $combinations without a combination.
// access: read
// params: documents, terms, combinations
// returns: id
CALL () {
  UNWIND $documents AS id
  WITH id
  WHERE NOT EXISTS { MATCH (:Document {id: id}) }
  RETURN id
  UNION
  UNWIND $terms AS id
  WITH id
  WHERE NOT EXISTS { MATCH (:Term {id: id}) }
  RETURN id
  UNION
  UNWIND $combinations AS id
  WITH id
  WHERE NOT EXISTS { MATCH (:Combination {id: id}) }
  RETURN id
}
RETURN id
