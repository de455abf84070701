// Documents that the derived layers do not know yet.
// access: read
// params: -
// returns: id
MATCH (document:Document {changed: true})
RETURN document.id AS id
ORDER BY id
