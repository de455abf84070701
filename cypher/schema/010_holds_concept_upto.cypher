// Index on the property `concept_upto` of HOLDS: the last ticket of a run, for steps to concepts.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX holds_concept_upto IF NOT EXISTS FOR ()-[run:HOLDS]-() ON (run.concept_upto)
