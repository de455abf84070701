// Returns each pair of licence and attribution with its number of documents.
// access: read
// params: -
// returns: license, attribution, documents
MATCH (document:Document)
WITH coalesce(document.license, '') AS license, coalesce(document.attribution, '') AS attribution, count(*) AS documents
RETURN license, attribution, documents
ORDER BY documents DESC, license, attribution
LIMIT 100
