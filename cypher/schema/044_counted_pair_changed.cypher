// Indexes counted pairs that have changed since the last build.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX counted_pair_changed IF NOT EXISTS FOR (pair:CountedPair) ON (pair.changed)
