// A term is found by its id (kind and normal form), and stands once.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT term_id IF NOT EXISTS FOR (term:Term) REQUIRE term.id IS UNIQUE
