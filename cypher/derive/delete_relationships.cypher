// Takes all derived relationships away, in batches.
// access: write
// params: -
// returns: -
MATCH ()-[derived:CO_OCCURS_WITH|NEXT_TOPIC|FIRST_CONCEPT|NEXT_CONCEPT]->()
CALL (derived) {
  DELETE derived
} IN TRANSACTIONS OF 50000 ROWS
