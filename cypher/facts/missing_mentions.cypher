// Documents of which mentions are new.
// access: read
// params: rows
// returns: id
UNWIND $rows AS row
MATCH (document:Document {id: row.document_id})
MATCH (term:Term {id: row.term_id})
WHERE NOT EXISTS { (document)-[:MENTIONS]->(term) }
RETURN DISTINCT document.id AS id
