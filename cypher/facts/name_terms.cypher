// A term's name is the spelling that most documents use, ties by code point. Terms without mentions keep theirs.
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
