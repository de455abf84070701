// A term's name is the spelling that most documents use. Ties are resolved by code point.
// access: read
// params: -
// returns: term, name, expected
MATCH (term:Term)
CALL (term) {
  MATCH (term)<-[mention:MENTIONS]-(:Document)
  WITH mention.spelling AS spelling, count(*) AS document_count
  ORDER BY document_count DESC, spelling
  LIMIT 1
  RETURN spelling AS expected
}
WITH term, expected
WHERE term.name <> expected
RETURN term.id AS term, term.name AS name, expected
