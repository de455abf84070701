// Adds to the document counts of terms; their walk tables are made anew.
// access: write
// params: rows
// returns: -
UNWIND $rows AS row
MATCH (term:Term {id: row.id})
SET term.document_count = coalesce(term.document_count, 0) + row.count,
    term.changed = CASE WHEN term.changed = 'counts' THEN 'counts' ELSE 'steps' END
