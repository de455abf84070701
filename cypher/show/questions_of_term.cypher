// Returns up to $limit questions that were written from a combination that visits a term.
// access: read
// params: id, limit
// returns: id, level, text
MATCH (term:Term {id: $id})<-[:VISITS]-(:Combination)<-[:WRITTEN_FROM]-(question:Question)
RETURN DISTINCT question.id AS id, question.level AS level, question.text AS text
ORDER BY id
LIMIT $limit
