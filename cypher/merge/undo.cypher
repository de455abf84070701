// Undoes the merges with the ids $merge_ids: deletes the relationship, gives the alias its label Concept or Topic again,
// and marks the contexts of the alias as changed.
// access: write
// params: merge_ids
// returns: alias_id, canonical_id
UNWIND $merge_ids AS merge_id
MATCH (alias:Alias)-[merge:MERGED_INTO {merge_id: merge_id}]->(canonical:Term)
DELETE merge
SET alias.changed = true
REMOVE alias:Alias
FOREACH (_ IN CASE alias.kind WHEN 'concept' THEN [1] ELSE [] END | SET alias:Concept)
FOREACH (_ IN CASE alias.kind WHEN 'topic' THEN [1] ELSE [] END | SET alias:Topic)
WITH alias, canonical
CALL (alias) {
  MATCH (alias)<-[:MENTIONS]-(document:Document)
  SET document.changed = true
}
CALL (alias) {
  MATCH (alias)-[counted:COUNTED_WITH]-()
  MATCH (pair:CountedPair {key: startNode(counted).id + '\n' + endNode(counted).id})
  SET pair.changed = true
}
RETURN alias.id AS alias_id, canonical.id AS canonical_id
