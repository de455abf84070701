// Returns indexes that are not online, with their progress in percent.
// access: read
// params: -
// returns: name, state, percent
SHOW INDEXES YIELD name, state, populationPercent
WHERE state <> 'ONLINE'
RETURN name, state, populationPercent AS percent
