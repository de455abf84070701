// Facts have changed in a way that is not marked where it stands: only a whole build can follow.
// access: write
// params: -
// returns: -
MERGE (build:Build {id: 'current'})
ON CREATE SET build.state = 'missing'
SET build.state = CASE WHEN build.state IN ['complete', 'stale'] THEN 'old' ELSE build.state END
REMOVE build.token
