// Indexes terms that have changed since the last build.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX term_changed IF NOT EXISTS FOR (term:Term) ON (term.changed)
