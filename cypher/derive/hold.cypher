// Holds the build's state until the transaction ends; no row when another call has changed it.
// access: write
// params: token
// returns: state
MATCH (build:Build {id: 'current'})
SET build.held = true
WITH build
WHERE build.token = $token
REMOVE build.held
RETURN build.state AS state
