// Returns the number of nodes, without the nodes that describe builds.
// access: read
// params: -
// returns: nodes
RETURN COUNT { () } - COUNT { (:Build) } AS nodes
