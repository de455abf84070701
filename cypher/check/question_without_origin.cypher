// A question was written from one combination and produced by a run, and claims only concepts of that combination.
// access: read
// params: -
// returns: question
MATCH (question:Question)
WHERE COUNT { (question)-[:WRITTEN_FROM]->(:Combination) } <> 1
   OR NOT EXISTS { (question)-[:PRODUCED_BY]->(:Run) }
   OR NOT all(concept IN question.concepts WHERE EXISTS {
        (question)-[:WRITTEN_FROM]->(:Combination)-[:VISITS]->(:Term {id: concept})
      })
RETURN question.id AS question
