// Returns the terms that a document mentions, with the spelling of each and the term that an alias counts as.
// access: read
// params: id
// returns: id, name, kind, spelling, counts_as
MATCH (document:Document {id: $id})-[mention:MENTIONS]->(term:Term)
OPTIONAL MATCH (term)-[:MERGED_INTO]->(canonical:Term)
RETURN term.id AS id, term.name AS name, term.kind AS kind, mention.spelling AS spelling, canonical.name AS counts_as
ORDER BY kind DESC, id
