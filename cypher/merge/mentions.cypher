// Returns for each document the ids of the terms that it mentions under exactly their name.
// access: read
// params: -
// returns: terms
MATCH (document:Document)
WHERE document.id > ''
RETURN [(document)-[:MENTIONS]->(term:Term) | term.id] AS terms
ORDER BY document.id
