// Indexes the words of documents' titles and ids.
// access: schema
// params: -
// returns: -
CREATE FULLTEXT INDEX document_names IF NOT EXISTS FOR (document:Document) ON EACH [document.title, document.id]
