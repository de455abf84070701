// How many derived relationships of each kind there are.
// access: read
// params: -
// returns: co_occurrences, next_topic, first_concept, next_concept
RETURN COUNT { ()-[:CO_OCCURS_WITH]->() } AS co_occurrences,
       COUNT { ()-[:NEXT_TOPIC]->() } AS next_topic,
       COUNT { ()-[:FIRST_CONCEPT]->() } AS first_concept,
       COUNT { ()-[:NEXT_CONCEPT]->() } AS next_concept
