// What a document contributed, as a picture: the names it mentions and, for merged ones, what they count as.
// access: read
// params: document
// returns: document, mention, term, merge, canonical
MATCH (document:Document {id: $document})-[mention:MENTIONS]->(term:Term)
OPTIONAL MATCH (term)-[merge:MERGED_INTO]->(canonical:Term)
RETURN document, mention, term, merge, canonical
ORDER BY term.id
LIMIT 60
