// Returns the parts of a document that was split, in their order.
// access: read
// params: id
// returns: id, title, pages, section, terms
MATCH (part:Document {parent: $id})
RETURN part.id AS id, part.title AS title, part.pages AS pages, part.section AS section,
       COUNT { (part)-[:MENTIONS]->(:Term) } AS terms
ORDER BY size(id), id
