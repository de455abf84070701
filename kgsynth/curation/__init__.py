"""The curation room: which questions are good enough, which stand twice or in a benchmark, and the training set."""
