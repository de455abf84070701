// Returns all parts of the documents that the parts in $ids come from.
// access: read
// params: ids
// returns: parent, id, content_hash
UNWIND $ids AS id
// Without the hints, the planner scans all parts for each id in a graph with few parts.
MATCH (one:Document {id: id}) USING INDEX SEEK one:Document(id)
WHERE one.parent IS NOT NULL
WITH DISTINCT one.parent AS parent
MATCH (part:Document {parent: parent}) USING INDEX SEEK part:Document(parent)
RETURN parent, part.id AS id, part.content_hash AS content_hash
ORDER BY parent, id
