// The concepts of a topic, as a picture: the topic and the twelve concepts that most of its documents mention. $topic
// is an id or a name.
// access: read
// params: topic
// returns: topic, pair, concept
MATCH (topic:Term:Topic)
WHERE topic.id = $topic OR topic.name = $topic
MATCH (topic)-[pair:CO_OCCURS_WITH]-(concept:Concept)
RETURN topic, pair, concept
ORDER BY pair.count DESC, concept.id
LIMIT 12
