// Stores the token of an incremental build that starts from a stale graph. Returns no row if only a full build can
// follow.
// access: write
// params: token
// returns: co_occurrences
MATCH (build:Build {id: 'current', state: 'stale'})
WHERE build.made IS NOT NULL AND build.digest IS NOT NULL
SET build.token = $token
RETURN build.co_occurrences AS co_occurrences
