// Makes terms count for themselves again whose canonical term goes.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (:Term {id: id})<-[merge:MERGED_INTO]-(alias:Alias)
DELETE merge
REMOVE alias:Alias
FOREACH (_ IN CASE alias.kind WHEN 'concept' THEN [1] ELSE [] END | SET alias:Concept)
FOREACH (_ IN CASE alias.kind WHEN 'topic' THEN [1] ELSE [] END | SET alias:Topic)
