// FIRST_CONCEPT steps that are there get their tickets.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH ()-[step:FIRST_CONCEPT]->()
WHERE elementId(step) = row.step
SET step.tickets = row.tickets, step.upto = row.upto
