// The terms that documents most often mention beside a term.
// access: read
// params: id, limit
// returns: id, name, kind, count
MATCH (term:Term {id: $id})-[pair:CO_OCCURS_WITH]-(neighbour:Term)
RETURN neighbour.id AS id, neighbour.name AS name, neighbour.kind AS kind, pair.count AS count
ORDER BY count DESC, id
LIMIT $limit
