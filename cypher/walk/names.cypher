// The names of some terms.
// access: read
// params: ids
// returns: id, name, kind
UNWIND $ids AS id
MATCH (term:Term {id: id})
RETURN term.id AS id, term.name AS name, term.kind AS kind
