// Indexes terms by exact name.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX term_name IF NOT EXISTS FOR (term:Term) ON (term.name)
