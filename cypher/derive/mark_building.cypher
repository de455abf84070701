// Marks the derived layers as building: a build replaces them, and they must not be used.
// access: write
// params: token
// returns: -
MERGE (build:Build {id: 'current'})
SET build.state = 'building', build.token = $token
