// What stands beside a concept, as a picture: its ten strongest neighbours.
// access: read
// params: name
// returns: concept, pair, neighbour
MATCH (concept:Concept {name: $name})-[pair:CO_OCCURS_WITH]-(neighbour:Concept)
RETURN concept, pair, neighbour
ORDER BY pair.count DESC, neighbour.id
LIMIT 10
