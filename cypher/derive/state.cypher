// Whether the derived layers can be used: no row, missing, old, stale, building or complete.
// access: read
// params: -
// returns: state, fingerprint, made
MATCH (build:Build {id: 'current'})
RETURN build.state AS state, build.fingerprint AS fingerprint, build.made AS made
