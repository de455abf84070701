// A FIRST_CONCEPT step is found by one index seek from a ticket, whatever the degree.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX first_concept_upto IF NOT EXISTS FOR ()-[step:FIRST_CONCEPT]-() ON (step.upto)
