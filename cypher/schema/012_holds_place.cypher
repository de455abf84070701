// Indexes members of contexts by their place.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX holds_place IF NOT EXISTS FOR ()-[member:HOLDS]-() ON (member.place)
