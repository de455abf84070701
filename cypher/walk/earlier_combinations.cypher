// Returns the concepts of each combination in the graph, with merged concepts resolved.
// access: read
// params: -
// returns: id, concepts
MATCH (combination:Combination)
WHERE combination.id IS NOT NULL
RETURN combination.id AS id,
       COLLECT {
         MATCH (combination)-[:VISITS]->(visited:Term)-[:MERGED_INTO*0..1]->(concept:Concept)
         RETURN DISTINCT concept.id ORDER BY concept.id
       } AS concepts
ORDER BY id
