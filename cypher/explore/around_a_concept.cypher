// The neighbourhood of a concept, as a picture: its ten strongest neighbours and the strongest co-occurrences between
// them. $concept is an id or a name.
// access: read
// params: concept
// returns: concept, pair, neighbour, links
MATCH (concept:Term:Concept)
WHERE concept.id = $concept OR concept.name = $concept
MATCH (concept)-[pair:CO_OCCURS_WITH]-(neighbour:Concept)
WITH concept, pair, neighbour ORDER BY pair.count DESC, neighbour.id LIMIT 10
WITH concept, collect(pair) AS pairs, collect(neighbour) AS neighbours
UNWIND range(0, size(pairs) - 1) AS place
WITH concept, neighbours, pairs[place] AS pair, neighbours[place] AS neighbour
RETURN concept, pair, neighbour,
       COLLECT {
         MATCH (neighbour)-[link:CO_OCCURS_WITH]->(other:Concept)
         WHERE other IN neighbours
         RETURN link ORDER BY link.count DESC, other.id LIMIT 2
       } AS links
ORDER BY pair.count DESC, neighbour.id
