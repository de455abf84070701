// All parts of the documents of which some documents are parts.
// access: read
// params: ids
// returns: parent, id, content_hash
UNWIND $ids AS id
MATCH (one:Document {id: id})
WHERE one.parent IS NOT NULL
WITH DISTINCT one.parent AS parent
MATCH (part:Document {parent: parent})
RETURN parent, part.id AS id, part.content_hash AS content_hash
ORDER BY parent, id
