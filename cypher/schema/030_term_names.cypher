// Terms are found by parts of their names.
// access: schema
// params: -
// returns: -
CREATE FULLTEXT INDEX term_names IF NOT EXISTS FOR (term:Term) ON EACH [term.name]
