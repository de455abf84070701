// Documents that the derived layers do not know yet are found at once.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX document_changed IF NOT EXISTS FOR (document:Document) ON (document.changed)
