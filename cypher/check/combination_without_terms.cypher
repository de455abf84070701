// A combination visits terms, with steps counted from 0 without gaps.
// access: read
// params: -
// returns: combination, steps
MATCH (combination:Combination)
CALL (combination) {
  OPTIONAL MATCH (combination)-[visit:VISITS]->(:Term)
  WITH visit.step AS step ORDER BY step
  RETURN collect(step) AS steps
}
WITH combination, steps
WHERE size(steps) = 0 OR steps <> range(0, size(steps) - 1)
RETURN combination.id AS combination, steps
