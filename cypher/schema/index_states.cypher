// Indexes that cannot be used yet, and how far each is.
// access: read
// params: -
// returns: name, state, percent
SHOW INDEXES YIELD name, state, populationPercent
WHERE state <> 'ONLINE'
RETURN name, state, populationPercent AS percent
