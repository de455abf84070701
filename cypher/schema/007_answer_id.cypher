// Makes the id of an answer unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT answer_id IF NOT EXISTS FOR (answer:Answer) REQUIRE answer.id IS UNIQUE
