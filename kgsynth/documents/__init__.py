"""Read, check, count, split and filter documents; unusable records go to a file of rejects."""
