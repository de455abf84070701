// Makes the key of a counted pair unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT counted_pair IF NOT EXISTS FOR (pair:CountedPair) REQUIRE pair.key IS UNIQUE
