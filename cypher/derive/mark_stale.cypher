// Facts or decisions have changed since the derived layers were built.
// access: write
// params: -
// returns: -
MERGE (build:Build {id: 'current'})
SET build.state = 'stale'
