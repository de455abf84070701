// Resets the derived properties of up to $limit documents and returns their number. Afterwards these documents hold no
// terms.
// access: write
// params: limit
// returns: count
MATCH (document:Document)
WHERE document.slot IS NOT NULL OR document.changed IS NOT NULL OR coalesce(document.term_count, 1) > 0
WITH document
LIMIT $limit
SET document.term_count = 0, document.concept_count = 0
REMOVE document.slot, document.changed
RETURN count(*) AS count
