// The derived layers are being made anew and must not be used.
// access: write
// params: token
// returns: -
MERGE (build:Build {id: 'current'})
SET build.state = 'building', build.token = $token
