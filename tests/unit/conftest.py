"""Fixtures that several modules of tests share."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests import corpora
from tests.unit.filter_cases import corpus_file
from tests.walker import Context


@pytest.fixture(scope="module")
def held() -> list[Context]:
    """Documents, and pairs that somebody has counted, among them pairs of two kinds."""
    documents = corpora.contexts(corpora.random_annotations(5, documents=200, topics=12, concepts=90))
    rng = np.random.default_rng(3)
    terms = sorted({term for one in documents for term in one.terms})
    pairs = [sorted(rng.choice(terms, 2, replace=False).tolist()) for _ in range(60)]
    return documents + [
        Context("", pair, int(weight)) for pair, weight in zip(pairs, rng.integers(1, 40, 60), strict=True)
    ]


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, Path]:
    """A corpus of which half is of a domain, with a short text and a near duplicate; and examples."""
    corpus = corpus_file(tmp_path / "corpus.jsonl")
    seeds = [json.loads(line) for line in corpus_file(tmp_path / "other.jsonl", seed=9).read_text().splitlines()[:20]]
    (tmp_path / "seeds.jsonl").write_text(
        "".join(json.dumps({**row, "id": f"s{n}"}) + "\n" for n, row in enumerate(seeds))
    )
    return corpus, tmp_path / "seeds.jsonl"
