// What is held of some documents: whether each is there whole, with a text, and which parts of it.
// access: read
// params: ids
// returns: id, is_whole, parts
UNWIND $ids AS id
RETURN id, EXISTS { (whole:Document {id: id}) WHERE whole.content_hash IS NOT NULL } AS is_whole,
       COLLECT {
         MATCH (part:Document {parent: id})
         RETURN {id: part.id, content_hash: part.content_hash}
       } AS parts
