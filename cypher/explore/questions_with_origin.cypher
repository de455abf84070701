// Questions with the combination they were written from, its terms and its documents, as a picture.
// access: read
// params: -
// returns: question, combination, term, document
MATCH (question:Question)
WITH question ORDER BY question.id LIMIT 3
MATCH (question)-[:WRITTEN_FROM]->(combination:Combination)-[:VISITS]->(term:Term)
MATCH (combination)-[:GROUNDED_IN]->(document:Document)
RETURN question, combination, term, document
