// Adds mentions to documents that already have some. Each document occurs once in $rows and is locked
// (`facts/lock_documents`). Of two spellings, the smaller one is kept, whatever the order of arrival. Documents with
// new mentions are marked as changed. Returns how many pairs of a row and a term were found: fewer than were given if a
// term was deleted meanwhile.
// access: write
// params: rows
// returns: found
UNWIND $rows AS row
MATCH (document:Document {id: row.id})
UNWIND range(0, size(row.terms) - 1) AS at
MATCH (term:Term {id: row.terms[at]})
OPTIONAL MATCH (document)-[mention:MENTIONS]->(term)
WITH document, term, mention, row.spellings[at] AS spelling
FOREACH (_ IN CASE WHEN mention IS NULL THEN [1] ELSE [] END |
  CREATE (document)-[:MENTIONS {spelling: spelling}]->(term)
)
FOREACH (_ IN CASE WHEN spelling < mention.spelling THEN [1] ELSE [] END |
  SET mention.spelling = spelling
)
FOREACH (_ IN CASE WHEN mention IS NULL THEN [1] ELSE [] END |
  SET document.changed = true
)
RETURN count(*) AS found
