// Connects each question of level 3 with its combination.
// access: write
// params: rows
// returns: written
UNWIND $rows AS row
MATCH (question:Question {id: row.id})
MATCH (combination:Combination {id: row.combination_id})
MERGE (question)-[:WRITTEN_FROM]->(combination)
RETURN count(question) AS written
