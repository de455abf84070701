// Locks the build's state, whatever it is, until the end of the transaction, and returns its counters. Returns no row
// if nothing was built.
// access: write
// params: -
// returns: digest, next_term_slot, next_context_slot, co_occurrences
MATCH (build:Build {id: 'current'})
SET build.held = true
REMOVE build.held
RETURN build.digest AS digest, build.next_term_slot AS next_term_slot,
       build.next_context_slot AS next_context_slot, build.co_occurrences AS co_occurrences
