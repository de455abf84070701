// Returns the ids of all topics, where walks start, in order.
// access: read
// params: -
// returns: id
MATCH (topic:Topic)
RETURN topic.id AS id
ORDER BY id
