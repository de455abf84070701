"""Tests of `kgsynth.walks.walk_tables`."""

from pathlib import Path

import numpy as np
import pytest

from kgsynth.errors import GraphError
from kgsynth.walks import compiled, walk_tables
from kgsynth.walks.draws import Starts
from tests import corpora
from tests.unit.compiled_cases import topics
from tests.walker import Context

pytest.importorskip("numba")


def test_tables_that_are_kept_are_those_that_were_made(held: list[Context], tmp_path: Path) -> None:
    made, folder = corpora.tables(held), tmp_path / "tables"
    assert walk_tables.load(folder) is None
    walk_tables.save(made, folder)
    again = walk_tables.load(folder)
    assert again is not None
    assert (again.ids, again.shift, again.documents.to_pylist()) == (made.ids, made.shift, made.documents.to_pylist())
    for to, table in made.runs.items():
        for part in ("nodes", "runs", "guide"):
            assert np.array_equal(getattr(again.runs[to], part), getattr(table, part)), (to, part)
    for part in ("where", "members", "weights", "slots", "ranks", "least"):
        assert np.array_equal(getattr(again, part), getattr(made, part)), part
    starts = Starts(1, topics(made))
    assert list(compiled.walks(again, starts, seed=1, limit=500)) == list(
        compiled.walks(made, starts, seed=1, limit=500)
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    back = again.contexts()
    assert back.documents == [one.name for one in held]
    assert [back.terms[place] for place in back.members[: back.offsets[1]]] == list(held[0].terms)
    (folder / "concept.guide.bin").unlink()
    assert walk_tables.load(folder) is None


def test_tables_of_concepts_alone_have_no_steps_of_topics(tmp_path: Path) -> None:
    walk_tables.save(corpora.tables([Context("d", ["concept:a", "concept:b"])]), tmp_path / "tables")
    held = walk_tables.load(tmp_path / "tables")
    assert held is not None
    assert len(held.runs["topic"].runs) == 0


def test_what_cannot_be_a_table_says_why() -> None:
    held = corpora.tables([Context("", ["concept:a", "concept:b"], 2**39)])
    with pytest.raises(GraphError, match="more tickets than the compiled engine supports"):
        walk_tables.through_lens(held, np.array([2**24, 2**24]))
    with pytest.raises(GraphError, match="'concept:c' is not a concept or topic"):
        held.places(["concept:c"])
