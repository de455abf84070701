// Index on the property `topic_upto` of HOLDS: the last ticket of a run, for steps to topics.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX holds_topic_upto IF NOT EXISTS FOR ()-[run:HOLDS]-() ON (run.topic_upto)
