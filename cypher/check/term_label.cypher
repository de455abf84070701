// A term has exactly one of the labels Concept, Topic and Alias, and its kind agrees with its id.
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
