// Returns the number of questions per level.
// access: read
// params: -
// returns: level, questions
MATCH (question:Question)
RETURN question.level AS level, count(*) AS questions
ORDER BY level
