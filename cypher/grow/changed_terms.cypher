// Terms of which something must be made anew ('counts' or 'steps'), with about how much is looked at for each.
// access: read
// params: what
// returns: id, weight
MATCH (term:Term {changed: $what})
CALL (term) {
  OPTIONAL MATCH (term)<-[:MERGED_INTO*0..1]-(:Term)<-[:MENTIONS]-(document:Document)
  RETURN coalesce(sum(document.term_count), 0) AS mention_count
}
RETURN term.id AS id,
       CASE $what
         WHEN 'counts' THEN mention_count + COUNT { (term)<-[:MERGED_INTO*0..1]-(:Term)-[:COUNTED_WITH]-(:Term) }
         ELSE COUNT { (term)-[:CO_OCCURS_WITH]-() }
       END AS weight
ORDER BY id
