// Terms are found by their names as documents write them.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX term_name IF NOT EXISTS FOR (term:Term) ON (term.name)
