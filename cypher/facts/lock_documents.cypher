// Documents by id, made where there are none, and what the graph holds of them. Setting the id to what it is takes a
// lock: until the end of the transaction nobody else writes to these documents.
// access: write
// params: ids
// returns: id, content_hash, is_mentioning
UNWIND $ids AS id
MERGE (document:Document {id: id})
ON CREATE SET document.changed = true
SET document.id = id
RETURN id, document.content_hash AS content_hash, EXISTS { (document)-[:MENTIONS]->() } AS is_mentioning
