// Returns the kind of each id in $ids that is a concept or a topic. An unknown id or an alias gives no row.
// access: read
// params: ids
// returns: id, kind
UNWIND $ids AS id
MATCH (term:Term {id: id})
WHERE term:Concept OR term:Topic
RETURN term.id AS id, term.kind AS kind
