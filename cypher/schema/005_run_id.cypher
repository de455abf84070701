// Makes the id of a run unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT run_id IF NOT EXISTS FOR (run:Run) REQUIRE run.id IS UNIQUE
