// Indexes the words of questions' texts.
// access: schema
// params: -
// returns: -
CREATE FULLTEXT INDEX question_texts IF NOT EXISTS FOR (question:Question) ON EACH [question.text]
