// Returns the topics and concepts that documents mention, with merged names resolved, and the aliases of each.
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
