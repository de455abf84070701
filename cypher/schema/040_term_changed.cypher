// Terms that the derived layers do not know as they are now are found at once.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX term_changed IF NOT EXISTS FOR (term:Term) ON (term.changed)
