// A question is found by its id, and stands once.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT question_id IF NOT EXISTS FOR (question:Question) REQUIRE question.id IS UNIQUE
