"""Tests of `kgsynth.graph.splitting`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from kgsynth.graph.splitting import of_one_splitting
from kgsynth.queries import Query
from kgsynth.records import Document, StageCount
from kgsynth.rejects import RejectFile
from tests.unit.split_cases import parts, words


class _Held:
    """A graph that holds some documents."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents

    def read(self, query: Query, ids: list[str]) -> list[dict[str, object]]:
        if query.name == "forget/held_whole":
            return [{"id": one.id} for one in self.documents if one.id in ids]
        parts = [one for one in self.documents if one.parent in ids]
        return [
            {
                "id": parent,
                "parts": [{"id": one.id, "content_hash": one.content_hash()} for one in parts if one.parent == parent],
            }
            for parent in dict.fromkeys(one.parent for one in parts)
        ]


def test_parts_of_two_splittings_never_stand_side_by_side(tmp_path: Path) -> None:
    whole = Document(id="b", text=words(1000))
    long, short = (parts(whole, split="words", part_words=size) for size in (300, 100))
    note = Document(id="n", text="A note.")

    def taken(held: list[Document], given: list[Document]) -> list[str]:
        count = StageCount(stage="load", kept=len(given))
        with RejectFile(tmp_path / "r") as rejects:
            graph: Any = _Held(held)
            left = [one.id for one in of_one_splitting(graph, given, rejects, count)]
        assert count.kept == len(left)
        assert sum(count.rejected.values()) == len(given) - len(left)
        return left

    assert taken([], [*short, note]) == [*(one.id for one in short), "n"]
    assert taken(long, [*short, note]) == ["n"]
    assert taken(short, [whole, note]) == ["n"]
    assert taken([whole, note], [*long, note]) == ["n"]
    # What a killed load left is completed; of an edited document the parts that changed are refused.
    assert taken(short[:4], short) == [one.id for one in short]
    changed = [replace(one, text="Other.") if one.id == "b#3" else one for one in short]
    assert taken(short, changed) == [one.id for one in short if one.id != "b#3"]
