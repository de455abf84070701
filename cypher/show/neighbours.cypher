// Returns up to $limit terms that co-occur most often with a term. The counts are computed now, whichever
// co-occurrences are stored.
// access: read
// params: id, limit
// returns: id, name, kind, count
MATCH (term:Term {id: $id})<-[:HOLDS]-(context)-[:HOLDS]->(neighbour:Term)
WITH neighbour, sum(coalesce(context.weight, 1)) AS count
RETURN neighbour.id AS id, neighbour.name AS name, neighbour.kind AS kind, count
ORDER BY count DESC, id
LIMIT $limit
