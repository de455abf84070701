"""The concepts room: find names of concepts in documents, normalise them, find and decide near-duplicates."""
