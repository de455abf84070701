// Marks the derived layers as complete: they agree with facts and decisions. $fingerprint names this state of the
// walks. `made` names this build, so that two builds always differ. $co_occurrences says which are stored: all, none,
// or a number per term. $co_occurrence_rule is the rule that decided this, which may also be auto; null keeps the rule.
// access: write
// params: fingerprint, co_occurrences, co_occurrence_rule, token
// returns: -
MATCH (build:Build {id: 'current', token: $token})
SET build.state = 'complete', build.fingerprint = $fingerprint, build.co_occurrences = $co_occurrences,
    build.made = $token, build.co_occurrence_rule = coalesce($co_occurrence_rule, build.co_occurrence_rule)
REMOVE build.token
