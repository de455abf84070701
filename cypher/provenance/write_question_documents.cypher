// Connects each question of level 1 or 2 with its document.
// access: write
// params: rows
// returns: written
UNWIND $rows AS row
MATCH (question:Question {id: row.id})
MATCH (document:Document {id: row.documents[0]})
MERGE (question)-[:WRITTEN_FROM]->(document)
RETURN count(question) AS written
