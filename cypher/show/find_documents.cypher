// Documents whose titles are near some words, the nearest first.
// access: read
// params: words, limit
// returns: id, name
CALL db.index.fulltext.queryNodes('document_titles', $words, {limit: $limit}) YIELD node AS document, score
RETURN document.id AS id, document.title AS name
ORDER BY score DESC, id
