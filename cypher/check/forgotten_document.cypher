// No forgotten document is in the graph, and of a document that was forgotten in part only the other parts. $forgotten:
// ids of documents. $kept_parts: ids of documents that were forgotten in part, with the content hashes of their other
// parts.
// access: read
// params: forgotten, kept_parts
// returns: document
CALL () {
  UNWIND $forgotten AS id
  MATCH (document:Document {id: id})
  RETURN document
  UNION
  UNWIND $forgotten AS id
  MATCH (document:Document {parent: id})
  RETURN document
  UNION
  UNWIND $kept_parts AS row
  MATCH (document:Document {id: row.parent})
  RETURN document
  UNION
  UNWIND $kept_parts AS row
  MATCH (document:Document {parent: row.parent})
  WHERE NOT document.content_hash IN row.content_hashes
  RETURN document
}
RETURN document.id AS document
ORDER BY document
