// Returns texts in which an expansion may stand beside its acronym: of documents that mention one of the two and hold
// the letters of the acronym, up to $limit for each pair, in the order of their ids after the id `after` of the pair,
// without the documents $without. `last` is the id of the last of these documents.
// access: read
// params: pairs, without, limit
// returns: short, long, texts, last
UNWIND $pairs AS pair
MATCH (short:Term {id: pair.short})
MATCH (long:Term {id: pair.long})
CALL (pair, short, long) {
  CALL (short, long) {
    MATCH (short)<-[:MENTIONS]-(document:Document)
    RETURN document
    UNION
    MATCH (long)<-[:MENTIONS]-(document:Document)
    RETURN document
  }
  WITH DISTINCT document, pair, short
  WHERE document.id > pair.after AND NOT document.id IN $without
    AND toLower(document.text) CONTAINS toLower(short.name)
  WITH document
  ORDER BY document.id
  LIMIT $limit
  RETURN collect(document.text) AS texts, max(document.id) AS last
}
RETURN short.id AS short, long.id AS long, texts, last
