// Each row makes one term an alias of another; the absorbed term keeps its mentions.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (alias:Term {id: row.alias_id})
MATCH (canonical:Term {id: row.canonical_id})
SET alias:Alias, alias.changed = 'counts', canonical.changed = 'counts'
REMOVE alias:Concept:Topic
MERGE (alias)-[merge:MERGED_INTO]->(canonical)
SET merge.merge_id = row.merge_id, merge.cosine = row.cosine, merge.rule = row.rule
