// Marks the derived layers as complete: they agree with facts and decisions. $fingerprint names this state of the
// walks. `made` names this build, so that two builds always differ. $co_occurrences says which are stored: all, none,
// or a number per term.
// access: write
// params: fingerprint, co_occurrences, token
// returns: -
MATCH (build:Build {id: 'current', token: $token})
SET build.state = 'complete', build.fingerprint = $fingerprint, build.co_occurrences = $co_occurrences,
    build.made = $token
REMOVE build.token
