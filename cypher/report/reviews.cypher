// Returns the number of reviewers' decisions: pairs kept apart and pairs joined.
// access: read
// params: -
// returns: distinct_pairs, same_pairs
RETURN COUNT { (:Term)-[:DISTINCT_FROM]-(:Term) } / 2 AS distinct_pairs, COUNT { (:Term)-[:SAME_AS]-(:Term) } / 2 AS same_pairs
