// A mention stores the spelling that the document uses.
// access: read
// params: -
// returns: document, term
MATCH (document:Document)-[mention:MENTIONS]->(term)
WHERE mention.spelling IS NULL OR NOT term:Term
RETURN document.id AS document, term.id AS term
