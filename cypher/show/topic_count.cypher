// How many topics walks may start from.
// access: read
// params: -
// returns: topics
MATCH (topic:Topic)
RETURN count(topic) AS topics
