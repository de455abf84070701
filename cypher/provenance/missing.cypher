// Returns the ids in $documents without a document in the graph, and the ids in $terms without a term.
// access: read
// params: documents, terms
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
}
RETURN id
