// Indexes documents that have changed since the last build.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX document_changed IF NOT EXISTS FOR (document:Document) ON (document.changed)
