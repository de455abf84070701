// Returns up to $limit texts that mention each of some terms, with title and spelling.
// access: read
// params: ids, limit
// returns: id, title, text, spelling
UNWIND $ids AS id
MATCH (term:Term {id: id})
CALL (term) {
  MATCH (term)<-[mention:MENTIONS]-(document:Document)
  WHERE document.text IS NOT NULL
  RETURN document, mention
  ORDER BY document.id
  LIMIT $limit
}
RETURN id, coalesce(document.title, '') AS title, document.text AS text, mention.spelling AS spelling
