// Indexes the words of terms' names.
// access: schema
// params: -
// returns: -
CREATE FULLTEXT INDEX term_names IF NOT EXISTS FOR (term:Term) ON EACH [term.name]
