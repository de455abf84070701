// NEXT_TOPIC steps that are there get their tickets.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH ()-[step:NEXT_TOPIC]->()
WHERE elementId(step) = row.step
SET step.tickets = row.tickets, step.upto = row.upto
