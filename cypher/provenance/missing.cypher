// Returns those ids of $documents and $terms that no document and no term of the graph has.
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
