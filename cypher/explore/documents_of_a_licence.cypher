// Documents with one licence and credit, as nodes; $license and $attribution are empty for documents without them.
// access: read
// params: license, attribution
// returns: document
MATCH (document:Document)
WHERE coalesce(document.license, '') = $license AND coalesce(document.attribution, '') = $attribution
RETURN document ORDER BY document.id LIMIT 50
