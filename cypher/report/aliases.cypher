// Returns each alias with the term that it counts as.
// access: read
// params: -
// returns: id, counts_as
MATCH (alias:Alias)-[:MERGED_INTO]->(term:Term)
RETURN alias.id AS id, term.id AS counts_as
ORDER BY id
