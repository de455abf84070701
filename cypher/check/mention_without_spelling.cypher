// A mention keeps the spelling of its document.
// access: read
// params: -
// returns: document, term
MATCH (document:Document)-[mention:MENTIONS]->(term)
WHERE mention.spelling IS NULL OR NOT term:Term
RETURN document.id AS document, term.id AS term
