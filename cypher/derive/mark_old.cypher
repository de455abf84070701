// Marks the derived layers as old: facts have changed without a mark at the changed nodes, so only a full build can
// follow.
// access: write
// params: -
// returns: -
MERGE (build:Build {id: 'current'})
ON CREATE SET build.state = 'missing'
SET build.state = CASE WHEN build.state IN ['complete', 'stale'] THEN 'old' ELSE build.state END
REMOVE build.token
