// Makes the id of a document unique and indexed.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT document_id IF NOT EXISTS FOR (document:Document) REQUIRE document.id IS UNIQUE
