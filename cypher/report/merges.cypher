// Returns the number of merges by kind and rule.
// access: read
// params: -
// returns: kind, rule, merges, least_cosine
MATCH (alias:Alias)-[merge:MERGED_INTO]->()
RETURN alias.kind AS kind, merge.rule AS rule, count(*) AS merges, min(merge.cosine) AS least_cosine
ORDER BY merges DESC, kind, rule
