// Returns concepts that co-occur with given concepts, as wrong options of multiple-choice questions: up to $limit for
// each, by decreasing count among its first $contexts documents. Concepts that a judge of names calls probably the same
// are left out.
// access: read
// params: ids, contexts, limit
// returns: id, concepts
UNWIND $ids AS id
MATCH (concept:Term {id: id})
CALL (concept) {
  MATCH (concept)<-[holds:HOLDS]-(context)
  WITH concept, context, holds
  ORDER BY holds.upto
  LIMIT $contexts
  MATCH (context)-[:HOLDS]->(other:Concept)
  WHERE other <> concept AND NOT EXISTS { (other)-[judged:JUDGED]-(concept) WHERE judged.chance >= 0.5 }
  WITH other, sum(coalesce(context.weight, 1)) AS count
  ORDER BY count DESC, other.id
  LIMIT $limit
  RETURN collect({id: other.id, name: other.name}) AS concepts
}
RETURN id, concepts
