// What some documents mention: ids and names of topics and concepts, a merged name as what it counts as, with all names
// that were merged into that.
// access: read
// params: ids
// returns: id, terms
UNWIND $ids AS id
MATCH (document:Document {id: id})
CALL (document) {
  MATCH (document)-[:MENTIONS]->(mentioned:Term)
  OPTIONAL MATCH (mentioned)-[:MERGED_INTO]->(canonical:Term)
  WITH DISTINCT coalesce(canonical, mentioned) AS term
  ORDER BY term.id
  RETURN collect({
    id: term.id, kind: term.kind, name: term.name,
    aliases: COLLECT { MATCH (term)<-[:MERGED_INTO]-(alias:Alias) RETURN alias.name ORDER BY alias.name }
  }) AS terms
}
RETURN document.id AS id, terms
