// Documents by id. Properties are set when the document is first seen with a text; facts are never rewritten.
// A document that an annotation named before its text came is filled in. Of several grades and subjects that annotations
// give, the first in the alphabet stays, whatever came first. A score is the last that a filter gave.
// access: write
// params: rows
// returns: id, seen, is_mentioning
UNWIND $rows AS row
MERGE (document:Document {id: row.id})
ON CREATE SET document.changed = true
WITH document, row, document.content_hash AS seen, EXISTS { (document)-[:MENTIONS]->() } AS is_mentioning
FOREACH (_ IN CASE WHEN seen IS NULL AND row.content_hash IS NOT NULL THEN [1] ELSE [] END |
  SET document.content_hash = row.content_hash,
      document.text = row.text,
      document.title = row.title,
      document.source = row.source,
      document.license = row.license,
      document.attribution = row.attribution
)
FOREACH (_ IN CASE WHEN row.grade < coalesce(document.grade, '~') THEN [1] ELSE [] END |
  SET document.grade = row.grade
)
FOREACH (_ IN CASE WHEN row.subject < coalesce(document.subject, '\uFFFF') THEN [1] ELSE [] END |
  SET document.subject = row.subject
)
FOREACH (_ IN CASE WHEN row.score <> coalesce(document.score, -1.0) THEN [1] ELSE [] END |
  SET document.score = row.score
)
RETURN row.id AS id, seen, is_mentioning
