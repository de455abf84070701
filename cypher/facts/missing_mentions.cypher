// How many mentions are new of documents that the derived layers know already.
// access: read
// params: rows
// returns: missing
UNWIND $rows AS row
MATCH (document:Document {id: row.document_id})
WHERE document.changed IS NULL
MATCH (term:Term {id: row.term_id})
WHERE NOT EXISTS { (document)-[:MENTIONS]->(term) }
RETURN count(*) AS missing
