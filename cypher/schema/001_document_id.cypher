// A document is found by its id, and stands once.
// access: schema
// params: -
// returns: -
CREATE CONSTRAINT document_id IF NOT EXISTS FOR (document:Document) REQUIRE document.id IS UNIQUE
