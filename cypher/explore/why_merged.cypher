// The names that were merged into a term, as a picture: the term, each alias, and one document that mentions the alias.
// $term is an id or a name of the term or of an alias.
// access: read
// params: term
// returns: canonical, merge, alias, mention, document
MATCH (named:Term)
WHERE named.id = $term OR named.name = $term
WITH named ORDER BY named.id LIMIT 1
OPTIONAL MATCH (named)-[:MERGED_INTO]->(target:Term)
WITH coalesce(target, named) AS canonical
MATCH (canonical)<-[merge:MERGED_INTO]-(alias:Alias)
WITH canonical, merge, alias ORDER BY alias.id LIMIT 25
OPTIONAL CALL (alias) {
  MATCH (alias)<-[mention:MENTIONS]-(document:Document)
  RETURN mention, document ORDER BY document.id LIMIT 1
}
RETURN canonical, merge, alias, mention, document
ORDER BY merge.cosine DESC, alias.id
