// How much has changed since the derived layers were complete, and from which slot on all are free.
// access: read
// params: -
// returns: documents, changed, slots
CALL () {
  MATCH (term:Concept|Topic)
  RETURN coalesce(max(term.slot), -1) + 1 AS slots
}
RETURN COUNT { (:Document) } AS documents, COUNT { (:Document {changed: true}) } AS changed, slots
