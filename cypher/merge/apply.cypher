// Makes each term `alias_id` an alias of `canonical_id`. The alias keeps its mentions. The alias and the contexts that
// hold it are marked as changed.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (alias:Term {id: row.alias_id})
MATCH (canonical:Term {id: row.canonical_id})
SET alias:Alias, alias.changed = true
REMOVE alias:Concept:Topic
MERGE (alias)-[merge:MERGED_INTO]->(canonical)
SET merge.merge_id = row.merge_id, merge.cosine = row.cosine, merge.rule = row.rule
WITH alias
MATCH (alias)<-[:HOLDS]-(context)
SET context.changed = true
