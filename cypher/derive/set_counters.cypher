// Sets the next free slots and the digest of the contexts, from which the fingerprint of the walks follows.
// access: write
// params: digest, next_term_slot, next_context_slot
// returns: -
MATCH (build:Build {id: 'current'})
SET build.digest = $digest, build.next_term_slot = $next_term_slot, build.next_context_slot = $next_context_slot
