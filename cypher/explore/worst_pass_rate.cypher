// Concepts whose questions have answers with the lowest pass rate, among concepts with at least three answers that
// verifiers decided.
// access: read
// params: -
// returns: concept, answers, pass_rate, failed_by
MATCH (answer:Answer)-[:ANSWERS]->(question:Question)
WHERE answer.pass_rate IS NOT NULL
UNWIND coalesce(question.seen_concepts, question.concepts) AS id
WITH id, count(answer) AS answers, avg(answer.pass_rate) AS pass_rate, collect(answer.failed) AS failed
WHERE answers >= 3
MATCH (concept:Term {id: id})
RETURN concept.name AS concept, answers, pass_rate,
       COLLECT { UNWIND failed AS names UNWIND names AS name RETURN DISTINCT name ORDER BY name } AS failed_by
ORDER BY pass_rate, answers DESC, concept
LIMIT 50
