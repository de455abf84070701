"""Tests of `kgsynth.documents.forgotten`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kgsynth.documents.forgotten import (
    REASON,
    TombstoneFile,
    add_questions,
    add_tombstones,
    begin,
    is_forgotten,
    keep_parts,
    read_forgotten,
    read_tombstones,
    remove_tombstones,
)
from kgsynth.documents.read import usable_documents
from kgsynth.errors import ConfigError
from kgsynth.pipeline.loading import not_forgotten
from kgsynth.records import Annotation, Document, StageCount
from kgsynth.rejects import RejectFile
from kgsynth.settings import DocumentsSettings
from tests.unit.split_cases import book, parts, words


def test_of_a_document_with_forgotten_parts_only_the_other_parts_come_back(tmp_path: Path) -> None:
    whole = Document(id="book.md", text=book(4, 1, 100))
    found = parts(whole, split="sections", part_words=200)
    assert len(found) == 4
    file = tmp_path / "forgotten"
    add_tombstones(file, ["book.md#2"], graph="g", reason="asked")
    keep_parts(file, {"book.md": {one.id: one.content_hash() for one in found if one.id != "book.md#2"}}, graph="g")
    held = read_tombstones(file, graph="g")
    assert held == {"book.md#2": "asked"}
    assert [one.id for one in found if is_forgotten(one, held)] == ["book.md#2"]
    assert [is_forgotten(Annotation(id=one.id, topics=()), held) for one in found] == [False, True, False, False]
    # The whole, other parts, and parts of an edited text may hold it.
    assert is_forgotten(whole, held)
    assert is_forgotten(Annotation(id="book.md", topics=()), held)
    edited = parts(
        replace(whole, text="# New\n\n" + words(150) + "\n\n" + whole.text), split="sections", part_words=200
    )
    assert len(edited) == 5
    for others in (parts(whole, split="words", part_words=100), parts(whole, split="words", part_words=300), edited):
        assert all(is_forgotten(one, held) for one in others)
    assert not is_forgotten(Document(id="other.md", text=whole.text), held)
    assert not is_forgotten(replace(found[2], parent="other.md", id="other.md#2"), held)
    assert remove_tombstones(file, ["book.md#2"], graph="another") == 0
    assert remove_tombstones(file, ["book.md#2"], graph="g") == 1
    assert not is_forgotten(whole, read_tombstones(file, graph="g"))
    assert file.read_text() == ""


def test_a_part_may_come_back_alone_with_the_content_that_it_had(tmp_path: Path) -> None:
    whole = Document(id="book.md", text=book(4, 1, 100))
    found = parts(whole, split="sections", part_words=200)
    file = tmp_path / "forgotten"

    def refused() -> list[str]:
        return [one.id for one in found if is_forgotten(one, read_tombstones(file, graph="g"))]

    content = {one.id: one.content_hash() for one in found}
    # The whole document is forgotten.
    add_tombstones(file, ["book.md", *content], graph="g", reason="asked", content_hashes=content)
    assert len(refused()) == 4
    assert remove_tombstones(file, ["book.md#2"], graph="g") == 1
    assert refused() == ["book.md#1", "book.md#3", "book.md#4"]
    held = read_tombstones(file, graph="g")
    assert not is_forgotten(Annotation(id="book.md#2", topics=()), held)
    # Other texts may hold what stays forgotten.
    assert is_forgotten(whole, held)
    assert is_forgotten(replace(found[1], text=found[2].text), held)
    assert all(is_forgotten(one, held) for one in parts(whole, split="words", part_words=300))
    assert remove_tombstones(file, ["book.md#4", "book.md#1"], graph="g") == 2
    assert refused() == ["book.md#3"]
    assert remove_tombstones(file, ["book.md#3"], graph="g") == 1
    assert not is_forgotten(whole, read_tombstones(file, graph="g"))
    assert file.read_text() == ""
    # Lists that older versions wrote have no content hashes.
    add_tombstones(file, ["book.md#2", "book.md#3"], graph="g", reason="asked")
    before = file.read_text()
    with pytest.raises(ConfigError, match="'book.md#2' cannot be allowed alone"):
        remove_tombstones(file, ["book.md#2"], graph="g")
    assert file.read_text() == before
    assert remove_tombstones(file, ["book.md#2", "book.md#3"], graph="g") == 2
    assert file.read_text() == ""


def test_a_line_about_parts_is_checked(tmp_path: Path) -> None:
    for row in ({"graph": "g", "kept_parts": {}}, {"graph": "g", "parent": "a", "kept_parts": ["a#1"]}):
        (tmp_path / "f").write_text(json.dumps(row) + "\n")
        with pytest.raises(ConfigError, match="line 1: no valid tombstone"):
            read_tombstones(tmp_path / "f")


def test_what_was_forgotten_does_not_stop_the_next_load(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text("".join(json.dumps({"id": str(n), "text": "Text."}) + "\n" for n in range(8)))
    count = StageCount(stage="load")
    with RejectFile(tmp_path / "r") as rejects:
        settings = DocumentsSettings(sources=(str(tmp_path / "d.jsonl"),))
        held = {str(n): "" for n in range(7)}
        kept = list(
            not_forgotten(
                usable_documents(settings, rejects, count), lambda document: document.id in held, rejects, count
            )
        )
    assert [one.id for one in kept] == ["7"]
    assert count.rejected == {REASON: 7}


def test_what_was_made_from_the_others_of_a_call_stays_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "forgotten.jsonl"
    add_tombstones(file, ["d1", "d2"], graph="g", reason="")
    begin(file, graph="g", documents=["d1", "d2"], questions=["q"], combinations=["c"])
    add_questions(file, ["late"], graph="g")
    assert remove_tombstones(file, ["d1"], graph="g") == 1
    left = read_forgotten(file, graphs={"g"})
    assert (set(left.documents), left.questions, left.combinations) == ({"d2"}, {"q", "late"}, {"c"})
    assert remove_tombstones(file, ["d2"], graph="g") == 1
    left = read_forgotten(file, graphs={"g"})
    assert (set(left.documents), left.questions, left.combinations) == (set(), {"late"}, set())


def test_a_file_of_tombstones_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "forgotten.jsonl"
    forgotten = TombstoneFile(file, graph="g")
    assert set(forgotten.current().documents) == set()
    add_tombstones(file, ["d1"], graph="g", reason="")
    first = forgotten.current()
    assert set(first.documents) == {"d1"}
    assert forgotten.current() is first
    add_tombstones(file, ["d2"], graph="another", reason="")
    remove_tombstones(file, ["d1"], graph="g")
    assert set(forgotten.current().documents) == set()
