"""SemHash on names and vectors that are there: seconds and duplicates, as JSON.

build/peers/bin/python tests/benchmarks/peers/semhash_merge.py NAMES VECTORS usearch|basic
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from semhash import SemHash


class Held:
    """The vectors at hand in place of a model."""

    def __init__(self, texts, vectors) -> None:
        self._places = {text: place for place, text in enumerate(texts)}
        self._vectors = vectors

    def encode(self, wanted, **_):
        """Rows of the table."""
        return self._vectors[[self._places[text] for text in wanted]]


def main() -> None:
    """Index and deduplicate once."""
    names, vectors, backend = sys.argv[1:]
    with open(names, encoding="utf-8") as file:
        texts = json.load(file)
    model = Held(texts, np.load(vectors))
    began = time.perf_counter()
    found = SemHash.from_records(records=texts, model=model, ann_backend=backend).self_deduplicate(threshold=0.95)
    seconds = time.perf_counter() - began
    print(
        json.dumps({"version": version("semhash"), "seconds": seconds, "duplicates": len(texts) - len(found.selected)})
    )


if __name__ == "__main__":
    main()
