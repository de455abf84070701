"""Curation: filter questions, remove duplicates and questions of benchmarks, and export the training set."""
