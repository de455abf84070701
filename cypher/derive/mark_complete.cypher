// The derived layers hold what facts and decisions say. The fingerprint names this state of the walk tables.
// access: write
// params: fingerprint
// returns: -
MERGE (build:Build {id: 'current'})
SET build.state = 'complete', build.fingerprint = $fingerprint
