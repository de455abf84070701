// Stores the settings of a merge, for later merges that must use the same settings.
// access: write
// params: embedder, neighbours, min_cosine
// returns: -
MERGE (build:Build {id: 'merge'})
SET build.embedder = $embedder, build.neighbours = $neighbours, build.min_cosine = $min_cosine
