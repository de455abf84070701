// Returns up to $limit terms whose names match $words, the best match first. An alias has the id of its term in
// `counts_as`.
// access: read
// params: words, limit
// returns: id, name, kind, documents, counts_as
CALL db.index.fulltext.queryNodes('term_names', $words, {limit: $limit}) YIELD node AS term, score
OPTIONAL MATCH (term)-[:MERGED_INTO]->(canonical:Term)
RETURN term.id AS id, term.name AS name, term.kind AS kind,
       coalesce(canonical.document_count, term.document_count, 0) AS documents, canonical.id AS counts_as
ORDER BY score DESC, id
