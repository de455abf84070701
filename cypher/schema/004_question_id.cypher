// Makes the id of a question unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT question_id IF NOT EXISTS FOR (question:Question) REQUIRE question.id IS UNIQUE
