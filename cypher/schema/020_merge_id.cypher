// Indexes merges by id.
// access: schema
// params: -
// returns: -
CREATE RANGE INDEX merge_id IF NOT EXISTS FOR ()-[merge:MERGED_INTO]-() ON (merge.merge_id)
