// Returns documents and counted pairs that have changed since the last build.
// access: read
// params: -
// returns: document, pair
CALL () {
  MATCH (document:Document {changed: true})
  RETURN document.id AS document, null AS pair
  UNION ALL
  MATCH (pair:CountedPair {changed: true})
  RETURN null AS document, pair.key AS pair
}
RETURN document, pair
