// Returns the parts of documents that are in the graph; no row for a document without parts.
// access: read
// params: ids
// returns: id, parts
UNWIND $ids AS id
// Without the hint, the planner scans all parts for each id in a graph with few parts, and keeps that plan later.
MATCH (part:Document {parent: id}) USING INDEX SEEK part:Document(parent)
RETURN id, collect({id: part.id, content_hash: part.content_hash}) AS parts
