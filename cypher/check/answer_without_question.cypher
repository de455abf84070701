// An answer answers one question and was produced by a run.
// access: read
// params: -
// returns: answer
MATCH (answer:Answer)
WHERE COUNT { (answer)-[:ANSWERS]->(:Question) } <> 1 OR NOT EXISTS { (answer)-[:PRODUCED_BY]->(:Run) }
RETURN answer.id AS answer
