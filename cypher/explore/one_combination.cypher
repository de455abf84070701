// One combination, as a picture: the walk that drew it, the documents of the walk, the documents that ground it, its
// questions and their answers.
// access: read
// params: combination
// returns: combination, visit, term, through, walked, grounded, document, written, question, answers, answer
MATCH (combination:Combination {id: $combination})-[visit:VISITS]->(term:Term)
OPTIONAL MATCH (combination)-[through:WALKED_THROUGH {step: visit.step}]->(walked:Document)
OPTIONAL MATCH (combination)-[grounded:GROUNDED_IN]->(document:Document)
OPTIONAL MATCH (combination)<-[written:WRITTEN_FROM]-(question:Question)
OPTIONAL MATCH (question)<-[answers:ANSWERS]-(answer:Answer)
RETURN combination, visit, term, through, walked, grounded, document, written, question, answers, answer
ORDER BY visit.step, grounded.rank, question.id, answer.id
LIMIT 200
