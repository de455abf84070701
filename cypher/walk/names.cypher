// Returns the names of terms by id, with the names that were merged into them.
// access: read
// params: ids
// returns: id, name, kind, aliases
UNWIND $ids AS id
MATCH (term:Term {id: id})
RETURN term.id AS id, term.name AS name, term.kind AS kind,
       COLLECT { MATCH (term)<-[:MERGED_INTO]-(alias:Alias) RETURN alias.name ORDER BY alias.name } AS aliases
