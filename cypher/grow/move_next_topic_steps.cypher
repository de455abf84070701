// NEXT_TOPIC steps that follow each other get tickets so much further on; one alone may get another number of them.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH ()-[step:NEXT_TOPIC]->()
  USING INDEX SEEK step:NEXT_TOPIC(upto)
WHERE step.upto >= row.first AND step.upto <= row.last
SET step.upto = step.upto + row.by
WITH step, row
WHERE row.tickets IS NOT NULL
SET step.tickets = row.tickets
