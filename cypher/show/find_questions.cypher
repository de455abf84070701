// Returns up to $limit questions whose texts match $words, the best match first.
// access: read
// params: words, limit
// returns: id, name
CALL db.index.fulltext.queryNodes('question_texts', $words, {limit: $limit}) YIELD node AS question, score
RETURN question.id AS id, question.text AS name
ORDER BY score DESC, id
