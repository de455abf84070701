// Makes the id of a combination unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT combination_id IF NOT EXISTS FOR (combination:Combination) REQUIRE combination.id IS UNIQUE
