// Keeps the settings of a merge, for later ones that must decide as it did.
// access: write
// params: settings
// returns: -
MERGE (build:Build {id: 'merge'})
SET build += $settings
