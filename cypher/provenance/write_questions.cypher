// Questions with the combination they were written from and the run that produced them.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (combination:Combination {id: row.combination_id})
MATCH (run:Run {id: row.run_id})
MERGE (question:Question {id: row.id})
SET question.text = row.text, question.level = row.level, question.concepts = row.concepts,
    question.template = row.template, question.template_hash = row.template_hash, question.backend = row.backend,
    question.model = row.model, question.sampling = row.sampling, question.seed = row.seed
MERGE (question)-[:WRITTEN_FROM]->(combination)
MERGE (question)-[:PRODUCED_BY]->(run)
