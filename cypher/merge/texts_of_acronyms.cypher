// Returns texts in which an expansion may stand beside its acronym: of documents that mention one of the two and hold
// the letters of the acronym, up to $limit for each pair, without the documents $without.
// access: read
// params: pairs, without, limit
// returns: short, long, texts
UNWIND $pairs AS pair
MATCH (short:Term {id: pair.short})
MATCH (long:Term {id: pair.long})
CALL (short, long) {
  CALL (short, long) {
    MATCH (short)<-[:MENTIONS]-(document:Document)
    RETURN document
    UNION
    MATCH (long)<-[:MENTIONS]-(document:Document)
    RETURN document
  }
  WITH DISTINCT document, short
  WHERE NOT document.id IN $without AND toLower(document.text) CONTAINS toLower(short.name)
  WITH document
  ORDER BY document.id
  LIMIT $limit
  RETURN collect(document.text) AS texts
}
RETURN short.id AS short, long.id AS long, texts
