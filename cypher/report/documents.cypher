// Returns each document with its length in characters and the number of its terms.
// access: read
// params: -
// returns: id, characters, terms
MATCH (document:Document)
RETURN document.id AS id, size(coalesce(document.text, '')) AS characters, coalesce(document.term_count, 0) AS terms
