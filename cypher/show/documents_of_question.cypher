// Returns the documents behind a question, with source, licence and attribution, and the spellings in which they
// mention the terms of its walk.
// access: read
// params: id
// returns: id, title, text, source, license, attribution, parent, pages, section, jaccard, spellings
MATCH (question:Question {id: $id})
CALL (question) {
  MATCH (question)-[:WRITTEN_FROM]->(document:Document)
  RETURN document, 0 AS rank, null AS jaccard, question.concepts AS terms
  UNION
  MATCH (question)-[:WRITTEN_FROM]->(combination:Combination)-[grounded:GROUNDED_IN]->(document:Document)
  RETURN document, grounded.rank AS rank, grounded.jaccard AS jaccard,
         COLLECT { MATCH (combination)-[:VISITS]->(term:Term) RETURN DISTINCT term.id } AS terms
}
RETURN document.id AS id, document.title AS title, document.text AS text, document.source AS source,
       document.license AS license, document.attribution AS attribution, document.parent AS parent,
       document.pages AS pages, document.section AS section, jaccard,
       COLLECT {
         MATCH (document)-[mention:MENTIONS]->(named:Term)-[:MERGED_INTO*0..1]->(term:Term)
         WHERE term.id IN terms
         RETURN DISTINCT mention.spelling ORDER BY mention.spelling
       } AS spellings
ORDER BY rank, id
