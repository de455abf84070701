// The origin of a question, as a picture: its combination with the visited terms, its documents, its run and its
// answers.
// access: read
// params: question
// returns: question, written, origin, visit, term, grounded, document, produced, run, answers, answer
MATCH (question:Question {id: $question})-[written:WRITTEN_FROM]->(origin)
OPTIONAL MATCH (origin)-[visit:VISITS]->(term:Term)
OPTIONAL MATCH (origin)-[grounded:GROUNDED_IN]->(document:Document)
OPTIONAL MATCH (question)-[produced:PRODUCED_BY]->(run:Run)
OPTIONAL MATCH (question)<-[answers:ANSWERS]-(answer:Answer)
RETURN question, written, origin, visit, term, grounded, document, produced, run, answers, answer
ORDER BY visit.step, grounded.rank, answer.id
LIMIT 100
