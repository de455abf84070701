// Returns the number of derived relationships of each type.
// access: read
// params: -
// returns: holds, co_occurrences
RETURN COUNT { ()-[:HOLDS]->() } AS holds, COUNT { ()-[:CO_OCCURS_WITH]->() } AS co_occurrences
