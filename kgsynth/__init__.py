"""kgsynth: documents to training data for language models, through a concept graph in Neo4j."""

import logging

__version__ = "0.1.0"
logging.getLogger(__name__).addHandler(logging.NullHandler())
