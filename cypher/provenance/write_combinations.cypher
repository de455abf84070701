// Writes combinations with the walk that first drew them, the documents of the walk's steps, and the documents that
// ground them. An existing combination is not changed: the same set of terms from another walk is the same combination.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MERGE (combination:Combination {id: row.id})
WITH combination, row
WHERE NOT EXISTS { (combination)-[:VISITS]->() }
SET combination.seed = row.seed, combination.walk = row.walk
WITH combination, row
CALL (combination, row) {
  UNWIND range(0, size(row.path) - 1) AS position
  MATCH (term:Term {id: row.path[position]})
  MERGE (combination)-[:VISITS {step: position}]->(term)
}
CALL (combination, row) {
  UNWIND range(0, size(row.through) - 1) AS position
  MATCH (document:Document {id: row.through[position]})
  MERGE (combination)-[:WALKED_THROUGH {step: position + 1}]->(document)
}
CALL (combination, row) {
  UNWIND range(0, size(row.documents) - 1) AS position
  MATCH (document:Document {id: row.documents[position].id})
  MERGE (combination)-[grounded:GROUNDED_IN]->(document)
  SET grounded.rank = position + 1, grounded.jaccard = row.documents[position].jaccard
}
