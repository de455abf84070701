// Writes a run with its settings as JSON.
// access: write
// params: id, stage, settings
// returns: -
MERGE (run:Run {id: $id})
SET run.stage = $stage, run.settings = $settings
