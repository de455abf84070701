// Documents are found by parts of their titles.
// access: schema
// params: -
// returns: -
CREATE FULLTEXT INDEX document_titles IF NOT EXISTS FOR (document:Document) ON EACH [document.title]
