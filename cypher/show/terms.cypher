// Returns terms by id or exact name, with their properties and, for an alias, the term that it counts as.
// access: read
// params: ids, name
// returns: id, name, kind, documents, neighbours, combinations, questions, counts_as, counts_as_name, cosine, rule
CALL () {
  UNWIND $ids AS id
  MATCH (term:Term {id: id})
  RETURN term
  UNION
  MATCH (term:Term)
  WHERE term.name = $name
  RETURN term
}
OPTIONAL MATCH (term)-[merge:MERGED_INTO]->(canonical:Term)
RETURN term.id AS id, term.name AS name, term.kind AS kind, coalesce(term.document_count, 0) AS documents,
       COUNT {
         MATCH (term)<-[:HOLDS]-()-[:HOLDS]->(other:Term)
         WHERE other <> term
         RETURN DISTINCT other
       } AS neighbours, COUNT { (term)<-[:VISITS]-(:Combination) } AS combinations,
       COUNT { (term)<-[:VISITS]-(:Combination)<-[:WRITTEN_FROM]-(:Question) } AS questions,
       canonical.id AS counts_as, canonical.name AS counts_as_name, merge.cosine AS cosine, merge.rule AS rule
ORDER BY kind, id
