// Returns the number of contexts and how many of them have changed since the last build.
// access: read
// params: -
// returns: contexts, changed
RETURN COUNT { (:Document) } + COUNT { (:CountedPair) } AS contexts,
       COUNT { (:Document {changed: true}) } + COUNT { (:CountedPair {changed: true}) } AS changed
