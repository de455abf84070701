// All concepts and topics, ordered, with how many mentions a count of their co-occurrences will look at.
// access: read
// params: -
// returns: id, kind, mention_count
MATCH (term:Concept|Topic)
RETURN term.id AS id, term.kind AS kind, COUNT { (term)<-[:MENTIONS]-() } AS mention_count
ORDER BY id
