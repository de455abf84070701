// Sets properties of existing documents. The text and its properties are set once, when the document first comes with a
// text; they are never overwritten. Of several grades or subjects, the alphabetically first is kept, whatever the order
// of arrival. The score is that of the last filter.
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
      document.metadata = row.metadata,
      document.synonyms = row.synonyms
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
