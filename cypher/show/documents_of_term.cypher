// Returns up to $limit documents that mention a term or one of its aliases, with the spelling in each.
// access: read
// params: id, limit
// returns: id, title, spelling
MATCH (term:Term {id: $id})<-[:MERGED_INTO*0..1]-(named:Term)<-[mention:MENTIONS]-(document:Document)
WITH document, min(mention.spelling) AS spelling
RETURN document.id AS id, document.title AS title, spelling
ORDER BY id
LIMIT $limit
