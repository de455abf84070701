// A question was written from one combination or one document, was produced by a run, and claims only concepts of that
// combination. For a question from a document, the concepts need only exist, because later merges can change what the
// document holds.
// access: read
// params: -
// returns: question
MATCH (question:Question)
WHERE COUNT { (question)-[:WRITTEN_FROM]->(:Combination|Document) } <> 1
   OR NOT EXISTS { (question)-[:PRODUCED_BY]->(:Run) }
   OR NOT all(concept IN question.concepts WHERE EXISTS {
        (question)-[:WRITTEN_FROM]->(:Combination)-[:VISITS]->(:Term {id: concept})
      } OR (EXISTS { (question)-[:WRITTEN_FROM]->(:Document) } AND EXISTS { (:Term {id: concept}) }))
RETURN question.id AS question
