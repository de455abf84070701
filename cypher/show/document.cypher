// Returns a document with its properties and the numbers of its terms, combinations and questions.
// access: read
// params: id
// returns: id, title, text, source, license, attribution, date, parent, pages, section, metadata, grade, subject, terms, combinations, questions
MATCH (document:Document {id: $id})
RETURN document.id AS id, document.title AS title, document.text AS text, document.source AS source,
       document.license AS license, document.attribution AS attribution, document.date AS date,
       document.parent AS parent, document.pages AS pages, document.section AS section, document.metadata AS metadata,
       document.grade AS grade, document.subject AS subject, COUNT { (document)-[:MENTIONS]->(:Term) } AS terms,
       COUNT { (document)<-[:GROUNDED_IN]-(:Combination) } AS combinations,
       COUNT { (document)<-[:WRITTEN_FROM]-(:Question) }
       + COUNT { (document)<-[:GROUNDED_IN]-(:Combination)<-[:WRITTEN_FROM]-(:Question) } AS questions
