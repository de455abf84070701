// All topics, ordered: where walks may start.
// access: read
// params: -
// returns: id
MATCH (topic:Topic)
RETURN topic.id AS id
ORDER BY id
