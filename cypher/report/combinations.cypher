// Returns all combinations with their walks and documents.
// access: read
// params: -
// returns: id, seed, walk, path, through, documents
MATCH (combination:Combination)
WHERE combination.id > ''
RETURN combination.id AS id, combination.seed AS seed, combination.walk AS walk,
       COLLECT {
         MATCH (combination)-[visit:VISITS]->(term:Term)
         RETURN term.id ORDER BY visit.step
       } AS path,
       COLLECT {
         MATCH (combination)-[visit:VISITS]->(:Term)
         WHERE visit.step > 0
         OPTIONAL MATCH (combination)-[:WALKED_THROUGH {step: visit.step}]->(document:Document)
         RETURN coalesce(document.id, '') ORDER BY visit.step
       } AS through,
       COLLECT {
         MATCH (combination)-[grounded:GROUNDED_IN]->(document:Document)
         RETURN {id: document.id, jaccard: grounded.jaccard} ORDER BY grounded.rank
       } AS documents
ORDER BY combination.id
