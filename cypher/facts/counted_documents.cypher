// How many of some documents the derived layers know already.
// access: read
// params: ids
// returns: counted
UNWIND $ids AS id
MATCH (document:Document {id: id})
WHERE document.changed IS NULL
RETURN count(*) AS counted
