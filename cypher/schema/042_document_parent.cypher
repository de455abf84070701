// Indexes the parts of documents by the document that was split.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX document_parent IF NOT EXISTS FOR (document:Document) ON (document.parent)
