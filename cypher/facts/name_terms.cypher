// Sets a term's name to the spelling that most documents use. Ties are resolved by code point. Terms without mentions
// keep their name.
// access: write
// params: ids
// returns: -
UNWIND $ids AS id
MATCH (term:Term {id: id})
CALL (term) {
  MATCH (term)<-[mention:MENTIONS]-(:Document)
  WITH mention.spelling AS spelling, count(*) AS document_count
  ORDER BY document_count DESC, spelling
  LIMIT 1
  RETURN spelling
}
WITH term, spelling
WHERE term.name <> spelling
SET term.name = spelling
