// A combination is found by its id, and stands once.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT combination_id IF NOT EXISTS FOR (combination:Combination) REQUIRE combination.id IS UNIQUE
