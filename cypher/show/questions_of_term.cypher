// Questions that claim a term, or that were written from a combination that visits it.
// access: read
// params: id, limit
// returns: id, level, text
MATCH (term:Term {id: $id})<-[:VISITS]-(:Combination)<-[:WRITTEN_FROM]-(question:Question)
RETURN DISTINCT question.id AS id, question.level AS level, question.text AS text
ORDER BY id
LIMIT $limit
