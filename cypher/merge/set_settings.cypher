// Keeps the settings of a merge, for later ones that must decide as it did.
// access: write
// params: embedder, neighbours, min_cosine
// returns: -
MERGE (build:Build {id: 'merge'})
SET build.embedder = $embedder, build.neighbours = $neighbours, build.min_cosine = $min_cosine
