// Mentions of documents that have none yet: no look for an existing one, twice as fast.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (document:Document {id: row.document_id})
MATCH (term:Term {id: row.term_id})
CREATE (document)-[:MENTIONS {spelling: row.spelling}]->(term)
SET document.changed = true
