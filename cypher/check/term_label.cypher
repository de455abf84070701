// A term is exactly one of Concept, Topic and Alias, and its kind is that of its id.
// access: read
// params: -
// returns: term, labels
MATCH (term:Term)
WITH term, [label IN labels(term) WHERE label IN ['Concept', 'Topic', 'Alias']] AS labels
WHERE size(labels) <> 1
   OR NOT term.id STARTS WITH term.kind + ':'
   OR (labels = ['Concept'] AND term.kind <> 'concept')
   OR (labels = ['Topic'] AND term.kind <> 'topic')
RETURN term.id AS term, labels
