// Records merges that are being undone: each alias is paired with its term and with all other aliases of that term.
// access: write
// params: merge_ids
// returns: -
UNWIND $merge_ids AS merge_id
MATCH (alias:Alias)-[:MERGED_INTO {merge_id: merge_id}]->(canonical:Term)
CALL (alias, canonical) {
  RETURN canonical AS mate
  UNION
  MATCH (canonical)<-[:MERGED_INTO]-(mate:Alias)
  WHERE mate <> alias
  RETURN mate
}
WITH CASE WHEN alias.id < mate.id THEN alias ELSE mate END AS first,
     CASE WHEN alias.id < mate.id THEN mate ELSE alias END AS second
MERGE (first)-[:UNDONE]->(second)
