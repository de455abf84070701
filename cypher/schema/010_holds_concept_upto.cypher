// Indexes runs of tickets for steps to concepts by their end.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX holds_concept_upto IF NOT EXISTS FOR ()-[run:HOLDS]-() ON (run.concept_upto)
