"""Combinations as Arrow batches: those of `combinations` on the compiled engine, without an object for each.

For amounts that stream to Parquet. Memory is that of one block of walks, and 16 bytes a combination to know repeats.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray

from kgsynth.records import Combination, StageCount
from kgsynth.walks import inverted
from kgsynth.walks.combinations import AGAIN, SMALL, Cut
from kgsynth.walks.distinct import NEW, REPEAT, TOO_SMALL, Distinct
from kgsynth.walks.tables import WalkTables

_TEXT = pyarrow.string()
SCHEMA = pyarrow.schema(
    {
        "id": _TEXT,
        "seed": pyarrow.uint64(),
        "walk": pyarrow.int64(),
        "path": pyarrow.list_(pyarrow.struct({"id": _TEXT, "kind": _TEXT})),
        "topics": pyarrow.list_(_TEXT),
        "concepts": pyarrow.list_(_TEXT),
        "documents": pyarrow.list_(pyarrow.struct({"id": _TEXT, "jaccard": pyarrow.float64()})),
    }
)


def batch_of(rows: Iterable[Combination]) -> pyarrow.RecordBatch:
    """Combinations as one batch."""
    return pyarrow.RecordBatch.from_pylist([one.to_row() for one in rows], schema=SCHEMA)


@dataclass(frozen=True, slots=True, eq=False)
class Grounding:
    """The documents of combinations: an index, and how many each gets."""

    index: inverted.Index
    limit: int


def batches(
    tables: WalkTables,
    blocks: Iterable[tuple[int, NDArray[np.int32]]],
    *,
    seed: int,
    min_concepts: int,
    limit: int | None,
    grounding: Grounding | None,
    count: StageCount,
) -> Iterator[pyarrow.RecordBatch]:
    """New combinations in the order of their walks, with their documents; `combinations.combinations` as batches.

    Args:
        tables: that were walked on.
        blocks: walks as `compiled.blocks` gives them.
        seed: theirs.
        min_concepts: a combination needs as many different concepts.
        limit: stop after so many combinations; None: when the walks end.
        grounding: None for no documents.
        count: gets kept and rejected walks.

    Raises:
        GraphError: not a single walk gave a combination.
    """
    seen = Distinct(tables.first_topic, min_concepts=min_concepts)
    cut = Cut(limit, count, min_concepts=min_concepts)
    writer = _Columns(tables, seed, grounding)
    for first, block in blocks:
        verdicts = seen.judge(block)
        used = cut.after(verdicts == NEW)
        verdicts = verdicts[:used]
        for reason, which in ((SMALL, TOO_SMALL), (AGAIN, REPEAT)):
            if number := int((verdicts == which).sum()):
                count.reject(reason, number)
        rows = np.flatnonzero(verdicts == NEW)
        count.kept += len(rows)
        if len(rows):
            yield writer.batch(first + rows, block[rows])
        if cut.is_done:
            break
    cut.finish()


class _Columns:
    """Blocks of walks as batches."""

    def __init__(self, tables: WalkTables, seed: int, grounding: Grounding | None) -> None:
        self._seed, self._grounding = seed, grounding
        self._first_topic = tables.first_topic
        self._ids = pyarrow.array(tables.ids, type=_TEXT)
        kinds = ["topic" if one.startswith("topic:") else "concept" for one in tables.ids]
        self._kinds = pyarrow.array(kinds, type=_TEXT)
        self._quoted = [json.dumps(one, ensure_ascii=False) for one in tables.ids]
        if grounding is not None:
            self._documents = pyarrow.array(grounding.index.documents, type=_TEXT)
            places = grounding.index.terms
            self._in_index = np.array([places.get(one, -1) for one in tables.ids], dtype=np.int64)

    def batch(self, numbers: NDArray[np.int64], block: NDArray[np.int32]) -> pyarrow.RecordBatch:
        """Walks by number, int32 (walks, 8) places, as one batch."""
        path = pyarrow.StructArray.from_arrays(
            [self._ids.take(pyarrow.array(block[block >= 0])), self._kinds.take(pyarrow.array(block[block >= 0]))],
            fields=list(SCHEMA.field("path").type.value_type),
        )
        ordered = np.sort(block, axis=1)
        is_own = ordered >= 0
        is_own[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
        is_topic = ordered >= self._first_topic
        columns = [
            pyarrow.array(self._names(ordered, is_own), type=_TEXT),
            pyarrow.array(np.full(len(block), self._seed, dtype=np.uint64)),
            pyarrow.array(numbers, type=pyarrow.int64()),
            pyarrow.ListArray.from_arrays(_offsets(block >= 0), path),
            self._lists(ordered, is_own & is_topic),
            self._lists(ordered, is_own & ~is_topic),
            self._grounded(ordered, is_own),
        ]
        return pyarrow.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _names(self, ordered: NDArray[np.int32], is_own: NDArray[np.bool_]) -> list[str]:
        """As `combinations.combination_id`: the canonical JSON of the sorted ids, hashed."""
        quoted = self._quoted
        names = []
        bounds = _offsets(is_own).to_pylist()
        flat = ordered[is_own].tolist()
        for first, last in pairwise(bounds):
            text = "[" + ",".join([quoted[place] for place in flat[first:last]]) + "]"
            names.append("comb-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16])
        return names

    def _lists(self, ordered: NDArray[np.int32], chosen: NDArray[np.bool_]) -> Any:
        return pyarrow.ListArray.from_arrays(_offsets(chosen), self._ids.take(pyarrow.array(ordered[chosen])))

    def _grounded(self, ordered: NDArray[np.int32], is_own: NDArray[np.bool_]) -> Any:
        if self._grounding is None:
            return pyarrow.array([[]] * len(ordered), type=SCHEMA.field("documents").type)
        index, limit = self._grounding.index, self._grounding.limit
        known = np.where(is_own, self._in_index[ordered], -1)
        places, jaccard = inverted.ground_places(index, known, is_own.sum(axis=1), limit=limit)
        is_there = places >= 0
        documents = pyarrow.StructArray.from_arrays(
            [self._documents.take(pyarrow.array(places[is_there])), pyarrow.array(jaccard[is_there])],
            fields=list(SCHEMA.field("documents").type.value_type),
        )
        return pyarrow.ListArray.from_arrays(_offsets(is_there), documents)


def _offsets(chosen: NDArray[np.bool_]) -> Any:
    return pyarrow.array(np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int32))
