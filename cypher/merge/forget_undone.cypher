// A merge decides anew: what was taken back before it is no longer remembered.
// access: write
// params: -
// returns: -
MATCH (:Term)-[undone:UNDONE]->(:Term)
DELETE undone
