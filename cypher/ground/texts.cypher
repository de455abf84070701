// Returns titles and texts of documents, with source, licence and attribution.
// access: read
// params: ids
// returns: id, title, text, source, license, attribution, pages, section
UNWIND $ids AS id
MATCH (document:Document {id: id})
RETURN document.id AS id, document.title AS title, document.text AS text, document.source AS source,
       document.license AS license, document.attribution AS attribution,
       document.pages AS pages, document.section AS section
