// Mentions of documents that may have some already. Of two spellings the smaller stays, whatever the order of
// arrival. Returns the documents of which a mention is new.
// access: write
// params: rows
// returns: id
UNWIND $rows AS row
MATCH (document:Document {id: row.id})
UNWIND range(0, size(row.terms) - 1) AS at
MATCH (term:Term {id: row.terms[at]})
WITH document, term, row.spellings[at] AS spelling, EXISTS { (document)-[:MENTIONS]->(term) } AS is_there
MERGE (document)-[mention:MENTIONS]->(term)
ON CREATE SET mention.spelling = spelling
FOREACH (_ IN CASE WHEN spelling < mention.spelling THEN [1] ELSE [] END |
  SET mention.spelling = spelling
)
WITH document, is_there
WHERE NOT is_there
RETURN DISTINCT document.id AS id
