// Makes the id of a term (kind and normal form) unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT term_id IF NOT EXISTS FOR (term:Term) REQUIRE term.id IS UNIQUE
