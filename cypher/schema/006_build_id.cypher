// Makes the id of a build unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT build_id IF NOT EXISTS FOR (build:Build) REQUIRE build.id IS UNIQUE
