// How many nodes there are, whatever they are; what is known of builds is not counted.
// access: read
// params: -
// returns: nodes
RETURN COUNT { () } - COUNT { (:Build) } AS nodes
