// Deletes the record of undone merges. A new merge decides again about these pairs.
// access: write
// params: -
// returns: -
MATCH (:Term)-[undone:UNDONE]->(:Term)
DELETE undone
