// Returns the number of topics, where walks start.
// access: read
// params: -
// returns: topics
MATCH (topic:Topic)
RETURN count(topic) AS topics
