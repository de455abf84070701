// With which settings terms were merged last; no row when they never were.
// access: read
// params: -
// returns: embedder, neighbours, min_cosine
MATCH (build:Build {id: 'merge'})
RETURN build.embedder AS embedder, build.neighbours AS neighbours, build.min_cosine AS min_cosine
