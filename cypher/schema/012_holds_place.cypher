// Index on the property `place` of HOLDS: the position of a term within a context.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX holds_place IF NOT EXISTS FOR ()-[member:HOLDS]-() ON (member.place)
