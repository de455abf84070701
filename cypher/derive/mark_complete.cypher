// The derived layers hold what facts and decisions say. The fingerprint names this state of the walk tables, `made` this
// build: whatever changes afterwards, the next one has another.
// access: write
// params: fingerprint, token
// returns: -
MATCH (build:Build {id: 'current', token: $token})
SET build.state = 'complete', build.fingerprint = $fingerprint, build.made = $token
REMOVE build.token
