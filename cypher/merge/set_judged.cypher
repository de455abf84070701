// Stores verdicts of a model on pairs of terms, from the smaller id to the larger. `score` is the mean log odds of both
// orders, `chance` the probability that both terms have the same meaning, `joins` whether merges join them,
// and `known` says for pairs that calibrate the scores whether they are the same or different.
// access: write
// params: rows
// returns: first
UNWIND $rows AS row
MATCH (first:Term {id: row.first})
MATCH (second:Term {id: row.second})
MERGE (first)-[judged:JUDGED]->(second)
SET judged.score = row.score, judged.chance = row.chance, judged.agrees = row.agrees, judged.joins = row.joins,
    judged.known = row.known, judged.model = row.model, judged.template = row.template, judged.run_id = row.run_id
RETURN first.id AS first
