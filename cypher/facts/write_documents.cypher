// Properties of documents that are there. They are set when the document is first seen with a text; facts are never
// rewritten. A document that an annotation named before its text came is filled in. Of several grades and subjects that
// annotations give, the first in the alphabet stays, whatever came first. A score is the last that a filter gave.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (document:Document {id: row.id})
FOREACH (_ IN CASE WHEN document.content_hash IS NULL AND row.content_hash IS NOT NULL THEN [1] ELSE [] END |
  SET document.content_hash = row.content_hash,
      document.text = row.text,
      document.title = row.title,
      document.source = row.source,
      document.license = row.license,
      document.attribution = row.attribution,
      document.date = row.date,
      document.parent = row.parent,
      document.pages = row.pages,
      document.section = row.section,
      document.metadata = row.metadata
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
