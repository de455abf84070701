"""Combinations of the compiled engine as Arrow batches, without a Python object per combination.

This is for large numbers of combinations that are streamed to Parquet. It needs memory for one block of walks, and 16
bytes per combination to recognise repeats.
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
from kgsynth.walks import inverted_index
from kgsynth.walks.combinations import AGAIN, SMALL, StoppingRule
from kgsynth.walks.seen_combinations import NEW, REPEAT, TOO_SMALL, Distinct
from kgsynth.walks.walk_tables import WalkTables

_TEXT = pyarrow.string()
SCHEMA = pyarrow.schema(
    {
        "id": _TEXT,
        "seed": pyarrow.uint64(),
        "walk": pyarrow.int64(),
        "path": pyarrow.list_(pyarrow.struct({"id": _TEXT, "kind": _TEXT, "document": _TEXT})),
        "topics": pyarrow.list_(_TEXT),
        "concepts": pyarrow.list_(_TEXT),
        "documents": pyarrow.list_(pyarrow.struct({"id": _TEXT, "jaccard": pyarrow.float64()})),
    }
)


def batch_of(rows: Iterable[Combination]) -> pyarrow.RecordBatch:
    """Convert combinations to one batch."""
    return pyarrow.RecordBatch.from_pylist([combination.to_row() for combination in rows], schema=SCHEMA)


@dataclass(frozen=True, slots=True, eq=False)
class Grounding:
    """How to ground combinations: the index, the maximum number of documents, and whether to use only walked ones."""

    index: inverted_index.Index
    limit: int
    is_walked: bool = False


def batches(
    tables: WalkTables,
    blocks: Iterable[tuple[int, NDArray[np.int32], NDArray[np.int32]]],
    *,
    seed: int,
    min_concepts: int,
    limit: int | None,
    grounding: Grounding | None,
    count: StageCount,
) -> Iterator[pyarrow.RecordBatch]:
    """New combinations in the order of their walks, with documents: `combinations.combinations` as batches.

    Args:
        tables: tables of the walks.
        blocks: walks as `compiled.blocks` returns them.
        seed: seed of the walks.
        min_concepts: minimum number of different concepts in a combination.
        limit: maximum number of combinations; None for all walks.
        grounding: how to find documents; None for no documents.
        count: receives kept and rejected walks.

    Raises:
        GraphError: no walk gave a combination.
    """
    seen = Distinct(tables.first_topic, min_concepts=min_concepts)
    cut = StoppingRule(limit, count, min_concepts=min_concepts)
    writer = _Columns(tables, seed, grounding)
    for first, block, through in blocks:
        verdicts = seen.judge(block)
        used = cut.after(verdicts == NEW)
        verdicts = verdicts[:used]
        for reason, which in ((SMALL, TOO_SMALL), (AGAIN, REPEAT)):
            if number := int((verdicts == which).sum()):
                count.reject(reason, number)
        rows = np.flatnonzero(verdicts == NEW)
        count.kept += len(rows)
        if len(rows):
            yield writer.batch(first + rows, block[rows], through[rows])
        if cut.is_done:
            break
    cut.finish()


class _Columns:
    """Converts blocks of walks to batches."""

    def __init__(self, tables: WalkTables, seed: int, grounding: Grounding | None) -> None:
        self._seed, self._grounding = seed, grounding
        self._first_topic = tables.first_topic
        self._ids = pyarrow.array(tables.ids, type=_TEXT)
        kinds = ["topic" if identity.startswith("topic:") else "concept" for identity in tables.ids]
        self._kinds = pyarrow.array(kinds, type=_TEXT)
        self._documents = tables.documents
        self._quoted = [json.dumps(identity, ensure_ascii=False) for identity in tables.ids]

    def batch(
        self, numbers: NDArray[np.int64], block: NDArray[np.int32], through: NDArray[np.int32]
    ) -> pyarrow.RecordBatch:
        """One batch from walks by number, with indices of terms and contexts as `compiled.blocks` returns them."""
        is_taken = block >= 0
        path = pyarrow.StructArray.from_arrays(
            [
                self._ids.take(pyarrow.array(block[is_taken])),
                self._kinds.take(pyarrow.array(block[is_taken])),
                self._names_of(np.concatenate([np.full((len(block), 1), -1), through], axis=1)[is_taken]),
            ],
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
            pyarrow.ListArray.from_arrays(_offsets(is_taken), path),
            self._lists(ordered, is_own & is_topic),
            self._lists(ordered, is_own & ~is_topic),
            self._grounded(ordered, is_own, through),
        ]
        return pyarrow.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def _names(self, ordered: NDArray[np.int32], is_own: NDArray[np.bool_]) -> list[str]:
        """Ids as in `combinations.combination_id`: hashes of the canonical JSON of the sorted ids."""
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

    def _names_of(self, contexts: NDArray[Any]) -> Any:
        """The document id of each context; empty for a counted pair and for -1."""
        known = pyarrow.array(contexts, mask=contexts < 0)
        return self._documents.take(known).cast(_TEXT).fill_null("")

    def _grounded(self, ordered: NDArray[np.int32], is_own: NDArray[np.bool_], through: NDArray[np.int32]) -> Any:
        if self._grounding is None:
            return pyarrow.array([[]] * len(ordered), type=SCHEMA.field("documents").type)
        index, limit = self._grounding.index, self._grounding.limit
        if self._grounding.is_walked:
            places, jaccard = inverted_index.ground_walked(index, ordered, through, limit=limit)
        else:
            known = np.where(is_own, ordered, -1).astype(np.int64)
            places, jaccard = inverted_index.ground_places(index, known, is_own.sum(axis=1), limit=limit)
        is_there = places >= 0
        documents = pyarrow.StructArray.from_arrays(
            [self._names_of(places[is_there]), pyarrow.array(jaccard[is_there])],
            fields=list(SCHEMA.field("documents").type.value_type),
        )
        return pyarrow.ListArray.from_arrays(_offsets(is_there), documents)


def _offsets(chosen: NDArray[np.bool_]) -> Any:
    return pyarrow.array(np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int32))
