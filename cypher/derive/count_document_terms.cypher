// Each document gets the number of terms it mentions, aliases counted as what they are merged into.
// access: write
// params: -
// returns: -
MATCH (document:Document)
CALL (document) {
  OPTIONAL MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH document, count(DISTINCT coalesce(canonical, mentioned)) AS term_count
  SET document.term_count = term_count
  REMOVE document.changed
} IN TRANSACTIONS OF 5000 ROWS
