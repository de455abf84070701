// Sets the ends of runs of tickets, which are found by their places.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH ()-[run:HOLDS]->()
USING INDEX SEEK run:HOLDS(place)
WHERE run.place = row.place
SET run.concept_upto = row.concept_upto, run.topic_upto = row.topic_upto
