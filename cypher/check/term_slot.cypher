// Every concept or topic that a context holds has a unique slot.
// access: read
// params: -
// returns: slot, terms
MATCH (term:Term)
WHERE term:Alias OR EXISTS { (term)<-[:HOLDS]-() }
WITH term.slot AS slot, collect(term.id) AS terms, collect(term:Alias) AS are_aliases
WHERE CASE WHEN slot IS NULL THEN any(is_alias IN are_aliases WHERE NOT is_alias) ELSE size(terms) > 1 OR are_aliases[0] END
RETURN slot, terms
