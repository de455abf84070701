// Creates missing documents by id, locks all of them, and returns what is stored of each: its content hash and whether
// it has mentions. Setting the id to its own value takes the lock: until the end of the transaction, nobody else can
// write to these documents.
// access: write
// params: ids
// returns: id, content_hash, is_mentioning
UNWIND $ids AS id
MERGE (document:Document {id: id})
ON CREATE SET document.changed = true
SET document.id = id
RETURN id, document.content_hash AS content_hash, EXISTS { (document)-[:MENTIONS]->() } AS is_mentioning
