// The terms that a document mentions, as a picture: each name and, if it was merged, the term that it counts as.
// access: read
// params: document
// returns: document, mention, term, merge, canonical
MATCH (document:Document {id: $document})-[mention:MENTIONS]->(term:Term)
OPTIONAL MATCH (term)-[merge:MERGED_INTO]->(canonical:Term)
RETURN document, mention, term, merge, canonical
ORDER BY term.id
LIMIT 60
