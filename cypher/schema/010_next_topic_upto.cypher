// A NEXT_TOPIC step is found by one index seek from a ticket, whatever the degree.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX next_topic_upto IF NOT EXISTS FOR ()-[step:NEXT_TOPIC]-() ON (step.upto)
