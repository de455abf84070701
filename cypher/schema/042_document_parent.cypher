// The parts of a document are found at once.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX document_parent IF NOT EXISTS FOR (document:Document) ON (document.parent)
