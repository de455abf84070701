// Returns the verdicts of models on pairs of terms. Merges join the pairs with `joins`.
// access: read
// params: -
// returns: first, second, score, chance, agrees, joins, known, model, template, run_id
MATCH (first:Term)-[judged:JUDGED]->(second:Term)
RETURN first.id AS first, second.id AS second, judged.score AS score, judged.chance AS chance, judged.agrees AS agrees,
       judged.joins AS joins, judged.known AS known, judged.model AS model, judged.template AS template, judged.run_id AS run_id
ORDER BY first, second
