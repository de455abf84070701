// No document that was forgotten is in the graph, and no part of one except the parts that remained. $forgotten are ids;
// $kept_parts has for each document with forgotten parts its id and the content hashes of the parts that remained.
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
