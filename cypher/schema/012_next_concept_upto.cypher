// A NEXT_CONCEPT step is found by one index seek from a ticket, whatever the degree.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX next_concept_upto IF NOT EXISTS FOR ()-[step:NEXT_CONCEPT]-() ON (step.upto)
