// Returns the state of the derived layers: missing, old, stale, building or complete; no row if there is no build. A
// graph of an earlier version, whose walks did not go through documents, is old.
// access: read
// params: -
// returns: state, fingerprint, made, co_occurrences, co_occurrence_rule
MATCH (build:Build {id: 'current'})
RETURN CASE WHEN build.digest IS NULL AND build.state IN ['complete', 'stale'] THEN 'old' ELSE build.state END AS state,
       build.fingerprint AS fingerprint, build.made AS made, build.co_occurrences AS co_occurrences,
       build.co_occurrence_rule AS co_occurrence_rule
