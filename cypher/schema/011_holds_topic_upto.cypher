// Indexes runs of tickets for steps to topics by their end.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX holds_topic_upto IF NOT EXISTS FOR ()-[run:HOLDS]-() ON (run.topic_upto)
