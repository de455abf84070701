// The neighbours of a node, as a picture: up to forty of its relationships, strongest co-occurrences first. $node is
// its id.
// access: read
// params: node
// returns: node, link, neighbour, relationships
MATCH (node:Term|Document|Combination|Question|Answer|Run {id: $node})-[link]-(neighbour)
WITH node, link, neighbour
ORDER BY coalesce(link.count, 0) DESC, type(link), neighbour.id LIMIT 40
RETURN node, link, neighbour, COUNT { (node)--() } AS relationships
