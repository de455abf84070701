"""Tests of `kgsynth.walks.inverted_index`."""

from pathlib import Path

import numpy as np
import pytest

from kgsynth.records import Combination
from kgsynth.walks import inverted_index
from tests import corpora
from tests.walker import Context

pytest.importorskip("numba")


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_documents_are_those_of_all_pairs_compared(limit: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    names = [f"concept:{number}" for number in range(60)]
    weights = 1 / np.arange(1, 61)
    rows = [
        Context(f"d{place:03}", sorted(rng.choice(names, size, replace=False, p=weights / weights.sum()).tolist()))
        for place, size in enumerate(rng.integers(1, 12, 300))
    ]
    # Contexts come in no order of ids, as in a graph that has grown; a counted pair is no document.
    rows = [rows[place] for place in rng.permutation(len(rows))] + [Context("", ["concept:0", "concept:1"], 9)]
    index = inverted_index.Index.of(corpora.tables(rows))
    known = sorted({term for row in rows for term in row.terms})
    chosen = [tuple(rng.choice(known, rng.integers(1, 9), replace=False)) for _ in range(400)]
    through = [tuple(rng.choice([*(row.name for row in rows), ""], len(path) - 1)) for path in chosen]
    batch = [
        Combination(id=str(n), seed=1, walk=n, path=path, topics=(), concepts=(), through=own)
        for n, (path, own) in enumerate(zip(chosen, through, strict=True))
    ]
    for is_walked in (False, True):
        for one in inverted_index.ground(index, batch, limit=limit, is_walked=is_walked):
            terms = set(one.path)
            documents = [row for row in rows if row.name and (not is_walked or row.name in one.through)]
            alike = [(len(terms & set(row.terms)) / len(terms | set(row.terms)), row.name) for row in documents]
            expected = sorted(((share, name) for share, name in alike if share), key=lambda pair: (-pair[0], pair[1]))
            assert [(document.jaccard, document.id) for document in one.documents if document.jaccard] == expected[
                :limit
            ]


def test_a_document_is_found_by_its_id_in_whatever_order_documents_came() -> None:
    rows = [
        Context("b", ["concept:x"]),
        Context("", ["concept:x", "concept:y"], 2),
        Context("a", ["concept:y"]),
    ]
    index = inverted_index.Index.of(corpora.tables(rows))
    assert [index.document_place(one) for one in ("a", "b", "", "aa", "c")] == [2, 0, -1, -1, -1]
