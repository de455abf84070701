// Returns the labels, relationship types and property names of the graph.
// access: read
// params: -
// returns: kind, name
CALL () {
  CALL db.labels() YIELD label
  RETURN 'label' AS kind, label AS name
  UNION
  CALL db.relationshipTypes() YIELD relationshipType
  RETURN 'relationship type' AS kind, relationshipType AS name
  UNION
  CALL db.propertyKeys() YIELD propertyKey
  RETURN 'property' AS kind, propertyKey AS name
}
RETURN kind, name
ORDER BY kind, name
