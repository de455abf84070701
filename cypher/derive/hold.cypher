// Locks the build's state until the end of the transaction and returns its counters. Returns no row if another call has
// changed the state, that is, if $token is not the stored one. The counters are the next free slots and the digest of
// the contexts.
// access: write
// params: token
// returns: state, digest, next_term_slot, next_context_slot
MATCH (build:Build {id: 'current'})
SET build.held = true
WITH build
WHERE build.token = $token
REMOVE build.held
RETURN build.state AS state, build.digest AS digest, build.next_term_slot AS next_term_slot,
       build.next_context_slot AS next_context_slot
