// How many questions of each level the graph holds.
// access: read
// params: -
// returns: level, questions
MATCH (question:Question)
RETURN question.level AS level, count(*) AS questions
ORDER BY level
