// Questions are found by parts of their texts.
// access: schema
// params: -
// returns: -
CREATE FULLTEXT INDEX question_texts IF NOT EXISTS FOR (question:Question) ON EACH [question.text]
