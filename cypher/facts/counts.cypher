// Returns the size of the graph: the numbers of documents, terms, relationships, combinations and questions.
// access: read
// params: -
// returns: documents, concepts, topics, aliases, mentions, co_occurrences, combinations, questions
RETURN COUNT { (:Document) } AS documents,
       COUNT { (:Concept) } AS concepts,
       COUNT { (:Topic) } AS topics,
       COUNT { (:Alias) } AS aliases,
       COUNT { ()-[:MENTIONS]->() } AS mentions,
       COUNT { ()-[:CO_OCCURS_WITH]->() } AS co_occurrences,
       COUNT { (:Combination) } AS combinations,
       COUNT { (:Question) } AS questions
