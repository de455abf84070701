// Mentions of documents that may have some already. Of two spellings the smaller stays, whatever the order of
// arrival.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (document:Document {id: row.document_id})
MATCH (term:Term {id: row.term_id})
MERGE (document)-[mention:MENTIONS]->(term)
ON CREATE SET mention.spelling = row.spelling
WITH mention, row
WHERE row.spelling < mention.spelling
SET mention.spelling = row.spelling
