// Facts or decisions have changed since the derived layers were built; what has changed is marked where it stands. A
// build that is at work no longer holds the state and fails at its end.
// access: write
// params: -
// returns: -
MERGE (build:Build {id: 'current'})
ON CREATE SET build.state = 'missing'
SET build.state = CASE build.state WHEN 'complete' THEN 'stale' ELSE build.state END
REMOVE build.token
