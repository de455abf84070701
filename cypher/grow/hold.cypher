// Holds the build's state until the transaction ends; no row when another call has changed it.
// access: write
// params: token
// returns: state
MATCH (build:Build {id: 'current', state: 'stale'})
SET build.growing = true
WITH build
WHERE build.token = $token
REMOVE build.growing
RETURN build.state AS state
