// A document mentions a term at most once.
// access: read
// params: -
// returns: document, term, mentions
MATCH (document:Document)-[mention:MENTIONS]->(term:Term)
WITH document, term, count(mention) AS mentions
WHERE mentions > 1
RETURN document.id AS document, term.id AS term, mentions
