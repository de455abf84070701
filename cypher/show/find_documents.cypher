// Returns up to $limit documents whose titles or ids match $words, the best match first. A document without a title is
// named by its id.
// access: read
// params: words, limit
// returns: id, name
CALL db.index.fulltext.queryNodes('document_names', $words, {limit: $limit}) YIELD node AS document, score
RETURN document.id AS id, coalesce(document.title, document.id) AS name
ORDER BY score DESC, id
