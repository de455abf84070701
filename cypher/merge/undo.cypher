// Takes merges back by id: the relationship goes, the label comes back.
// access: write
// params: merge_ids
// returns: alias_id, canonical_id
UNWIND $merge_ids AS merge_id
MATCH (alias:Alias)-[merge:MERGED_INTO {merge_id: merge_id}]->(canonical:Term)
DELETE merge
SET alias.changed = 'counts', canonical.changed = 'counts'
REMOVE alias:Alias
FOREACH (_ IN CASE alias.kind WHEN 'concept' THEN [1] ELSE [] END | SET alias:Concept)
FOREACH (_ IN CASE alias.kind WHEN 'topic' THEN [1] ELSE [] END | SET alias:Topic)
RETURN alias.id AS alias_id, canonical.id AS canonical_id
