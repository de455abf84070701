// The derived layers were built after the last change of facts and decisions.
// access: read
// params: -
// returns: state
OPTIONAL MATCH (build:Build {id: 'current'})
WITH coalesce(build.state, 'missing') AS state
WHERE state <> 'complete'
RETURN state
