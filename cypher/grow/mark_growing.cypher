// A build adds what was marked since the derived layers were complete; no row where only a whole build helps.
// access: write
// params: token
// returns: state
MATCH (build:Build {id: 'current', state: 'stale'})
WHERE build.made IS NOT NULL
SET build.token = $token
RETURN build.state AS state
