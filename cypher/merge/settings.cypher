// Returns the settings of the last merge; no row if there was none.
// access: read
// params: -
// returns: embedder, neighbours, min_cosine
MATCH (build:Build {id: 'merge'})
RETURN build.embedder AS embedder, build.neighbours AS neighbours, build.min_cosine AS min_cosine
