// Documents whose titles or ids are near some words, the nearest first; one without a title is called by its id.
// access: read
// params: words, limit
// returns: id, name
CALL db.index.fulltext.queryNodes('document_names', $words, {limit: $limit}) YIELD node AS document, score
RETURN document.id AS id, coalesce(document.title, document.id) AS name
ORDER BY score DESC, id
