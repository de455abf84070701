// A run is found by its id, and stands once.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT run_id IF NOT EXISTS FOR (run:Run) REQUIRE run.id IS UNIQUE
