// Topics, where walks start, with the number of documents that mention each.
// access: read
// params: -
// returns: topic, documents
MATCH (topic:Topic)
RETURN topic.name AS topic, topic.document_count AS documents
ORDER BY documents DESC, topic
LIMIT 25
