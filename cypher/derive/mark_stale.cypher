// Marks the derived layers as stale: facts or decisions have changed, and the changed nodes are marked. A build in
// progress loses its token and fails at its end.
// access: write
// params: -
// returns: -
MERGE (build:Build {id: 'current'})
ON CREATE SET build.state = 'missing'
SET build.state = CASE build.state WHEN 'complete' THEN 'stale' ELSE build.state END
REMOVE build.token
