"""Tests of `kgsynth_loaders.auto`."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import sys
import tarfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from kgsynth.documents.read import usable_annotations, usable_documents
from kgsynth.errors import ConfigError
from kgsynth.records import Annotation, Document, FileRead, Position, Reject, Remark, Skipped, StageCount
from kgsynth.rejects import RejectFile
from kgsynth.settings import DocumentsSettings
from kgsynth_loaders import auto
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.workers import Job, Limits, WorkerPool
from tests.unit.loaders.sources_cases import PAGE, TEXT, loaded, made, outcome, read, zipped


def test_every_file_of_a_folder_is_accounted_for(tmp_path: Path) -> None:
    root = tmp_path / "notes"
    (root / "set_theory").mkdir(parents=True)
    (root / "set_theory" / "a.md").write_text(f"# Orbits\n\n{TEXT}")
    (root / "b.txt").write_text(TEXT)
    (root / "README").write_text(TEXT)
    (root / "lines.jsonl").write_text('{"id": "l1", "text": "one"}\n{"text": 5}\n')
    (root / "rows.csv").write_text("id,text\nc1,two\n")
    (root / "values.json").write_text('[{"id": "j1", "text": "three"}]')
    (root / "page.html").write_text(PAGE)
    (root / "a.odt").write_bytes(b"PK\x03\x04junk")
    (root / "b.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100)
    (root / "c.rtf").write_bytes(b"{\\rtf1 text}")
    (root / "d.bin").write_bytes(bytes(range(256)))
    (root / "e.unknown").write_bytes(bytes(range(256)))
    (root / "f.pdf").write_bytes(b"%PDF-1.4 broken")
    (root / "picture.png").write_bytes(b"\x89PNG")
    (root / "empty.md").write_text("")
    (root / ".hidden.md").write_text(TEXT)
    for folder in (".git", "node_modules/x"):
        (root / folder).mkdir(parents=True)
        (root / folder / "inside.md").write_text(TEXT)
    (root / "loop").symlink_to(root)
    (root / "nothing").symlink_to(tmp_path / "gone")
    os.mkfifo(root / "pipe")

    records = read(root)
    found = outcome(records)
    assert found == {
        "a.md": "Markdown", "b.txt": "text", "README": "text", "lines.jsonl": "not text: field 'text'",
        "rows.csv": "CSV", "values.json": "JSON", "page.html": "HTML",
        "a.odt": found["a.odt"], "b.doc": "no reader for .doc", "c.rtf": "no reader for .rtf",
        "d.bin": "skipped: a compiled file", "e.unknown": "no reader for .unknown", "f.pdf": "damaged",
        "picture.png": "skipped: an image", "empty.md": "skipped: empty", ".hidden.md": "skipped: hidden",
        "inside.md": found["inside.md"], "loop": "skipped: a link to a folder above it", "nothing": "a link to nothing",
        "pipe": "a pipe or a device",
    }  # fmt: skip
    assert Counter(one.rule for one in records if isinstance(one, Skipped))["node_modules"] == 1
    documents = {one.id: one for one in records if isinstance(one, Document)}
    assert set(documents) == {
        "notes/set_theory/a.md", "notes/b.txt", "notes/README", "l1", "c1", "j1", "notes/page.html",
    }  # fmt: skip
    assert documents["notes/set_theory/a.md"].topics == ("set theory",)
    assert (documents["notes/b.txt"].topics, documents["notes/b.txt"].title) == (("notes",), "b")


def test_the_account_has_a_line_for_each_format_and_rule(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(TEXT)
    (tmp_path / "b.md").write_text(TEXT + " More.")
    (tmp_path / "b.json").write_text(json.dumps([{"id": "b\x1b", "text": "An id that no terminal should print."}]))
    (tmp_path / "c.odt").write_bytes(b"\0\1\2\3")
    (tmp_path / ".d").write_text("x")
    count = StageCount(stage="load", unit="documents")
    settings = DocumentsSettings(sources=(str(tmp_path),))
    with RejectFile(tmp_path.parent / "rejects.jsonl") as rejects:
        assert len(list(usable_documents(settings, rejects, count))) == 2
    assert count.lines()[1:] == [
        "  JSON: 1 file, 0 documents, 1 rejected",
        "  Markdown: 2 files, 2 documents",
        "  skipped (hidden): 1 file",
    ]
    assert count.rejected == {"no reader for .odt": 1, "NUL, escape or half a character in its id": 1}
    assert (count.notes["without_licence"], count.to_row()["skipped"]) == (2, {"hidden": 1})


def test_a_table_that_was_named_stops_the_work_and_one_of_a_folder_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,body\n1,words\n")
    with pytest.raises(ConfigError, match="no text in field 'text'; the fields are 'id', 'body'") as said:
        read(tmp_path / "rows.csv")
    assert "--text-field" in said.value.hint
    assert "no text in field 'text'" in outcome(read(tmp_path))["rows.csv"]


def test_a_compressed_file_is_read_under_its_name_and_a_torn_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.md.gz").write_bytes(gzip.compress(f"# Orbits\n\n{TEXT}".encode()))
    (document, _) = read(tmp_path / "a.md.gz")
    assert isinstance(document, Document)
    assert document.title == "Orbits"
    packed = gzip.compress(b"".join(os.urandom(20).hex().encode() + b"\n" for _ in range(3000)))
    (tmp_path / "b.txt.gz").write_bytes(packed[: len(packed) // 2])
    found = read(tmp_path / "b.txt.gz")
    assert isinstance(found[0], Document)
    assert outcome(found)["b.txt.gz"] == "file is damaged from here on"


def test_files_of_one_name_in_two_folders_are_two_documents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(TEXT + name)
    found = read(tmp_path / "a", tmp_path / "b", tmp_path / "a" / "README.md")
    assert [one.id for one in found if isinstance(one, Document)] == ["a/README.md", "b/README.md", "a/README.md"]


def test_a_sign_that_is_no_text_costs_no_book(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print('\x1b[1mwords\x1b[0m')")
    found = read(tmp_path / "a.py")
    assert [one.text for one in found if isinstance(one, Document)] == ["```py\nprint(' [1mwords [0m')\n```"]
    assert any(getattr(one, "text", "") == "2 signs became blanks" for one in found)


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"id": "{n}", "text": "row {n}"}}\n' for n in range(2000)))
    records = auto.documents(str(path), DocumentsSettings())
    next(records)
    with path.open("a") as file:
        file.write('{"id": "late", "text": "x"}\n')
    assert outcome(list(records))["a.jsonl"] == "changed while it was read"


BEHAVIOUR = '''
"""A reader for tests: what a file says, it does."""
import os, time
from kgsynth.errors import RecordError
from kgsynth.records import Document, Position
from kgsynth_loaders.workers import Begun
def read(path, options):
    said = path.read_text()
    if said == "crash":
        os.abort()
    if said == "hang":
        time.sleep(1000)
    if said == "eat":
        held = [bytearray(2**28) for _ in range(20)]
    if said == "refuse":
        raise RecordError("encrypted")
    if said == "raise":
        raise KeyError("a library")
    if said == "late":
        yield Document(id="first", text="one")
        os.abort()
    if said in ("lost", "torn"):
        for number in (1, 2):
            time.sleep(.3)
            yield Document(id=str(number), text="one", position=Position(source="", line=number))
        yield Document(id="third", text="one", position=Position(source="", line=3))
        if said == "torn":
            raise KeyError("a library")
        os.abort()
    if said == "dump":
        yield Document(id="first", text="one")
        yield Begun(position=Position(source="", line=2), name="A short page")
        yield Document(id="second", text="two")
        yield Begun(position=Position(source="", line=3), name="A slow page")
        time.sleep(1000)
    if said == "many":
        for number in range(50):
            yield Document(id=str(number), text="x" * 100_000)
        return
    yield Document(id="", text=said)
'''


def jobs(tmp_path: Path, *said: str) -> list[Job]:
    made = []
    for number, one in enumerate(said):
        path = tmp_path / f"{number}.x"
        path.write_text(one)
        made.append(Job(reader="acting_reader", path=path, options=ReadOptions()))
    return made


@pytest.mark.slow
def test_a_reader_that_crashes_hangs_or_eats_memory_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acting_reader.py").write_text(BEHAVIOUR)
    # Workers have the paths of this process.
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    said = ["good", "crash", "hang", "eat", "refuse", "raise", "late", "many", "good"]
    pool = WorkerPool(2, Limits(silence_s=8, memory_bytes=2**30))
    started = time.monotonic()
    try:
        numbers = [pool.submit(job) for job in jobs(tmp_path, *said)]
        found = {word: list(pool.records(number)) for word, number in zip(said, numbers, strict=True)}
    finally:
        pool.close()
    assert time.monotonic() - started < 300
    reasons = {word: [one.reason for one in records if isinstance(one, Reject)] for word, records in found.items()}
    assert reasons == {
        "good": [], "crash": ["the reader crashed"], "hang": ["the reader was silent for 8 s"],
        "eat": ["takes too much memory"], "refuse": ["encrypted"], "raise": ["damaged"], "late": ["the reader crashed"],
        "many": [],
    }  # fmt: skip
    assert [one.text for one in found["good"] if isinstance(one, Document)] == ["good"]
    assert len(found["many"]) == 50


@pytest.mark.slow
def test_a_slow_part_of_a_file_is_named_and_what_came_before_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acting_reader.py").write_text(BEHAVIOUR)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    pool = WorkerPool(1, Limits(silence_s=2))
    try:
        first, second, reject = pool.records(pool.submit(jobs(tmp_path, "dump")[0]))
    finally:
        pool.close()
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.text, second.text) == ("one", "two")
    assert isinstance(reject, Reject)
    assert reject.reason == "the reader was silent for 2 s; the file is not read from here on"
    assert (reject.position.line, reject.raw) == (3, "A slow page; 2 documents read before")


@pytest.mark.slow
def test_where_a_reader_is_lost_in_the_middle_of_a_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acting_reader.py").write_text(BEHAVIOUR)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    pool = WorkerPool(1, Limits())
    try:
        lost, torn = (list(pool.records(pool.submit(job))) for job in jobs(tmp_path, "lost", "torn"))
    finally:
        pool.close()
    # What was found less than a moment before a crash is lost with the worker.
    for records, reason, raw, count in (
        (lost, "the reader crashed", "2 documents read before", 2),
        (torn, "damaged", "KeyError: 'a library'; 3 documents read before", 3),
    ):
        *documents, reject = records
        assert len(documents) == count
        assert isinstance(reject, Reject)
        assert (reject.reason, reject.raw) == (f"{reason}; the file is not read from here on", raw)
        assert reject.position.line == count + 1


def test_control_characters_in_a_text_become_blanks_and_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A bell\x07rings.\fAnother page\x01.")
    (tmp_path / "b.md").write_text("\x01\x02\x03\x04 ab")
    documents = [one for one in read(tmp_path) if isinstance(one, Document)]
    assert [one.text for one in documents] == ["A bell rings.\n\nAnother page ."]
    assert [one.text for one in read(tmp_path) if isinstance(one, Remark)] == ["control characters became blanks: 2"]
    assert outcome(read(tmp_path))["b.md"] == "control characters in its text"


def test_a_parquet_file_without_its_end_is_damaged(tmp_path: Path) -> None:
    table = pyarrow.table({"text": [TEXT] * 99})
    parquet.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    (tmp_path / "b.md").write_text(TEXT)
    assert outcome(read(tmp_path))["a.parquet"].startswith("damaged: it breaks off before its end")


def test_of_a_zip_archive_that_breaks_off_the_whole_members_are_read(tmp_path: Path) -> None:
    noise = random.Random(1)
    texts = [f"{TEXT} {number} {noise.randbytes(400).hex()}" for number in range(6)]

    class Pipe(io.BytesIO):
        """What cannot be gone back in, so that the length of a member stands behind it."""

        def seekable(self) -> bool:
            return False

    for packing, file in (
        (zipfile.ZIP_DEFLATED, io.BytesIO()),
        (zipfile.ZIP_STORED, io.BytesIO()),
        (zipfile.ZIP_DEFLATED, Pipe()),
    ):
        with zipfile.ZipFile(file, "w", packing) as archive:
            archive.mkdir("notes")
            for number, text in enumerate(texts):
                archive.writestr(f"notes/größe {number}.txt", text)
            archive.writestr("notes/.hidden", "x")
        data = file.getvalue()
        third = data.index("notes/größe 3.txt".encode())
        for length, count in ((third + 100, 3), (-30, 6)):
            (tmp_path / "a.zip").write_bytes(data[:length])
            found = read(tmp_path / "a.zip")
            assert [one.text for one in found if isinstance(one, Document)] == texts[:count]
            (reject,) = [one for one in found if isinstance(one, Reject)]
            assert (reject.reason, reject.position.source) == (
                "archive is damaged from here on",
                str(tmp_path / "a.zip"),
            )
            assert "breaks off" in reject.raw


def test_a_link_in_a_zip_archive_is_no_text(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "../secret.txt")
        archive.writestr("a.md", TEXT)
    assert outcome(read(tmp_path / "a.zip")) == {
        "a.md": "Markdown",
        "link.txt": "skipped: a link or a device in an archive",
    }


def test_a_file_that_breaks_off_is_counted_as_read_in_part(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    noise = random.Random(1).randbytes(4_000).hex()
    lines = "".join(json.dumps({"text": f"{TEXT} {noise[10 * number :][:500]}"}) + "\n" for number in range(99))
    (folder / "a.md.gz").write_bytes(gzip.compress((TEXT + noise).encode())[:-50])
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode())[:-50])
    (folder / "c.jsonl").write_text(json.dumps({"text": TEXT + " Three."}) + "\n{bad\n")
    (folder / "d.gz").write_bytes(b"\x1f\x8b\x08 nothing of it can be unpacked")
    count = StageCount(stage="load", unit="documents")
    settings = DocumentsSettings(sources=(str(folder),), max_rejected_share=1.0)
    with RejectFile(tmp_path / "rejects.jsonl") as rejects:
        list(usable_documents(settings, rejects, count))
    assert count.files["Markdown"] == [1, 1, 1]
    assert "  read in part: 2 files" in count.lines()
    assert count.to_row()["read_in_part"] == 2


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_damaged_file_of_garbage_is_called_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a.md").write_bytes(pack(TEXT.encode() + b"\x00" * 100 + random.Random(1).randbytes(20_000))[:-50])
    (reject,) = (record for record in read(tmp_path) if isinstance(record, Reject))
    assert reject.reason == "file is damaged from here on"


@pytest.mark.parametrize(
    ("name", "escaped", "title"),
    [
        ("new\nline.md", r"new\nline.md", "new line"),
        ("ei\xadgen\u200b.md", r"ei\xadgen\u200b.md", "eigen"),
        ("a\x85b\u202ec.md", r"a\x85b\u202ec.md", "a bc"),
        ("red\x1b[31m.md", r"red\x1b[31m.md", "red [31m"),
        ("नमस्\u200dते.md", "नमस्\u200dते.md", "नमस्\u200dते"),
    ],
)
def test_invisible_characters_of_file_names_are_escaped_in_id_and_source(
    tmp_path: Path, name: str, escaped: str, title: str
) -> None:
    (tmp_path / name).write_text(TEXT)
    settings = DocumentsSettings(sources=(str(tmp_path),))
    with RejectFile(tmp_path.parent / "rejects.jsonl") as rejects:
        (document,) = usable_documents(settings, rejects, StageCount(stage="load"))
    assert document.id == f"{tmp_path.name}/{escaped}"
    assert document.source == f"{tmp_path}/{escaped}"
    assert document.title == title


def test_invisible_characters_of_ids_are_escaped_in_documents_parts_and_annotations(tmp_path: Path) -> None:
    rows = [{"id": identity, "text": f"Row {number}. {TEXT * 40}"} for number, identity in enumerate(("a", "a\u200b"))]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = DocumentsSettings(sources=(str(tmp_path),), split="words", part_words=200)
    with RejectFile(tmp_path.parent / "rejects.jsonl") as rejects:
        parts = list(usable_documents(settings, rejects, StageCount(stage="load")))
        annotations = list(
            usable_annotations([Annotation(id=row["id"], topics=()) for row in rows], rejects, StageCount(stage="load"))
        )
    assert {part.parent for part in parts} == {"a", r"a\u200b"} == {annotation.id for annotation in annotations}
    assert parts[-1].id.startswith(r"a\u200b#")


def test_a_file_whose_reader_says_that_a_part_is_missing_is_read_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_two_pages(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
        yield Document(id="", text=TEXT)
        yield Remark(position=Position(source=""), text="page 2 is missing", is_partial=path.name == "a.md")

    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(TEXT)
    monkeypatch.setattr("kgsynth_loaders.readers.markdown.read", read_two_pages)
    parts = {Path(file.position.source).name: file.is_partial for file in read(tmp_path) if isinstance(file, FileRead)}
    assert parts == {"a.md": True, "b.md": False}


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from kgsynth_loaders.workers import *; "
        "from kgsynth_loaders.readers import ReadOptions; pool = WorkerPool(1, Limits()); "
        f"pool.submit(Job(reader='kgsynth_loaders.readers.plain', path=Path({str(tmp_path)!r}), options=ReadOptions())); "
        "print(pool._workers[0].process.pid, flush=True); os._exit(1)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    worker = int(said.stdout)
    for _ in range(100):
        if not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text().split()[2]:
            return
        time.sleep(0.1)
    pytest.fail("the worker goes on")


def test_lines_of_columns_and_indented_lines_of_an_info_manual_are_no_titles(tmp_path: Path) -> None:
    node = (
        "\nFile: a.info,  Node: A,  Up: Top\n\n1 Sizes\n=======\n\n     Col   Val\n     ---------\n     a     100\n\n"
        "Name  Size\n----------\na     1\n"
    )
    (tmp_path / "a.info").write_text("This is a.info\n\x1f" + node, encoding="utf-8")
    (document, _) = read(tmp_path / "a.info")
    assert isinstance(document, Document)
    assert document.text == (
        "## 1 Sizes\n\n```\nCol   Val\n---------\na     100\n```\n\nName  Size\n----------\na     1"
    )


def test_an_info_manual_is_one_document_without_menus_and_indices(tmp_path: Path) -> None:
    nodes = [
        "This is orbits.info, produced by makeinfo version 6.8 from orbits.texi.\n\nSTART-INFO-DIR-ENTRY\n"
        "* Orbits: (orbits).   Of groups.\nEND-INFO-DIR-ENTRY\n",
        "\nFile: orbits.info,  Node: Top,  Next: Actions,  Up: (dir)\n\nOrbits\n******\n\nOf \u2018groups\u2019. *Note Actions::.\n\n"
        "* Menu:\n\n* Actions::   What acts.\n* Index::\n",
        "\nFile: orbits.info,  Node: Actions,  Prev: Top,  Up: Top\n\n1 Actions\n=========\n\nA group acts:\n\n"
        '     act(g, x)\n     act(h, x)\n\n\0\b[image src="a.png" text="x -> gx"\0\b]\n\nWords end it.\n',
        "\nFile: orbits.info,  Node: Index,  Up: Top\n\nIndex\n*****\n\n\0\b[index\0\b]\n* Menu:\n\n"
        "* act: Actions.  (line  6)\n",
        "\nTag Table:\nNode: Top\x7f100\nEnd Tag Table\n",
    ]
    (tmp_path / "orbits.info").write_text("\x1f".join(nodes), encoding="utf-8")
    (document, _) = read(tmp_path / "orbits.info")
    assert isinstance(document, Document)
    assert document.text == (
        "# Orbits\n\nOf `groups`. Actions.\n\n## 1 Actions\n\nA group acts:\n\n```\nact(g, x)\nact(h, x)\n```\n\nx -> gx\n\n"
        "Words end it."
    )
    assert document.title == "Orbits"


def tar_of(*names: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(TEXT) + len(name)
            archive.addfile(info, io.BytesIO((TEXT + name).encode()))
    return packed.getvalue()


def test_no_two_files_have_one_id_and_no_file_has_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, {f"{name}/notes/{file}": TEXT + name + file for name in ("a", "b") for file in ("x.md", "in/y.md")})
    a, b = tmp_path / "a" / "notes", tmp_path / "b" / "notes"
    wanted = ["notes/in/y.md", "notes/x.md", "b/notes/in/y.md", "b/notes/x.md"]
    assert loaded(a, b)[0] == wanted
    assert loaded(a / "x.md", b / "x.md")[0] == ["notes/x.md", "b/notes/x.md"]
    found, count = loaded(tmp_path / "**" / "*.md")
    assert (len(set(found)), count.rejected) == (4, {})
    monkeypatch.chdir(tmp_path / "a" / "notes")
    made(tmp_path, {"a/x.md": TEXT + "above"})
    assert loaded("in/y.md", "../../b/notes/in/y.md", "x.md", "../x.md")[1].rejected == {}
    found, count = loaded(a / "in" / "y.md", a)
    assert (found, count.skipped) == (["in/y.md", "notes/x.md"], {"read under another name": 1})
    for name in ("c", "d"):
        zipped(made(tmp_path / name, {"f": ""}) / "z.zip", a_DOT_md=(TEXT + name).encode())
    assert len(loaded(tmp_path / "c" / "z.zip", tmp_path / "d" / "z.zip")[0]) == 2


@pytest.mark.parametrize("loader", ["auto", "csv"])
def test_rows_of_two_tables_may_have_the_same_numbers(tmp_path: Path, loader: str) -> None:
    tables = {f"{name}/rows.csv": f"id,text\n1,one {name}\n2,the same\n1,twice {name}\n" for name in "abc"}
    made(tmp_path, tables)
    found, count = loaded(*(tmp_path / name for name in tables), loader=loader)
    assert found == ["1", "2", "rows.csv#1", "c/rows.csv#1"]
    assert count.notes["ids_with_name_of_file"] == 4
    assert count.rejected == {"id twice with another text": 3, "id twice with the same text": 2}


@pytest.mark.parametrize(
    "fault", ["cut at a header", "cut in a header", "cut in a text", "header overwritten", "no end"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_tar_archive_without_its_end_is_damaged(tmp_path: Path, fault: str, pack: Callable[[bytes], bytes]) -> None:
    data = tar_of(*(f"{number}.txt" for number in range(6)))
    path = tmp_path / "files.tar"
    cut = {"cut at a header": 3072, "cut in a header": 3200, "cut in a text": 3590, "no end": 6144}
    path.write_bytes(pack(data[: cut.get(fault)] if fault in cut else data[:3072] + b"\xaa" * 512 + data[3584:]))
    found, count = loaded(path)
    assert (len(found), count.rejected) == (6 if fault == "no end" else 3, {"archive is damaged from here on": 1})


def test_tar_archives_one_after_the_other_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "files.tar"
    path.write_bytes(tar_of("a.txt") + tar_of("b.txt"))
    assert [len(loaded(path)[0]), loaded(path)[1].rejected] == [2, {}]
    path.write_bytes(tar_of("a.txt") + b"something else" * 100)
    assert (len(loaded(path)[0]), sum(loaded(path)[1].rejected.values())) == (1, 1)
    # One that breaks off is one reject.
    path = tmp_path / "files.tar.zst"
    path.write_bytes(zstandard.compress(tar_of("a.txt", "b.txt"))[:60])
    assert loaded(path)[1].rejected == {"archive is damaged from here on": 1}


def test_wide_text_without_a_mark_is_read_in_every_format(tmp_path: Path) -> None:
    words = "Группа действует на множестве и орбиты действия не пересекаются\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        texts = {"a.txt": words, "b.md": words, "c.csv": f"id,text\nc,{words}", "d.jsonl": json.dumps(
            {"id": "d", "text": words}, ensure_ascii=False)}  # fmt: skip
        made(tmp_path, {name: text.encode(encoding) for name, text in texts.items()})
        found = [one.text.strip() for one in read(tmp_path) if isinstance(one, Document)]
        assert found == [words.strip()] * 4
        found = [one.text.strip() for one in read(tmp_path, encoding=encoding) if isinstance(one, Document)]
        assert found == [words.strip()] * 4


def test_names_of_members_are_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("./notes/./a.md", "Q: what.txt", "w\\c.txt", "C:/d.txt", "./.git/e.md", "/f.md"):
            archive.writestr(name, TEXT + name)
    found, count = loaded(path)
    assert [one.split(".zip/")[1] for one in found] == ["notes/a.md", "Q: what.txt", "w/c.txt", "f.md"]
    assert (count.rejected, count.skipped) == ({"its name leads out of the archive": 1}, {".git": 1})


def test_links_of_every_kind_cost_no_load(tmp_path: Path) -> None:
    root = made(tmp_path / "notes", {"a.MD": TEXT, "in/b.MD": TEXT + "b", "in/.c.MD": TEXT})
    for number in range(3):
        (root / f"up{number}").symlink_to(root)
        (root / "in" / f"up{number}").symlink_to(root)
    (root / "self").symlink_to("self")
    assert loaded(root)[1].rejected == {"a link to nothing": 1}
    # A search that follows links would go on for hours.
    assert loaded(f"{root}/**/*.MD")[0] == ["notes/a.MD", "in/b.MD"]
    assert loaded(f"{root}/**/.c*")[1].skipped == {"hidden": 1}
    assert loaded(f"{tmp_path}/*/**")[0] == ["notes/a.MD", "in/b.MD"]
    with pytest.raises(ConfigError, match="link to nothing"):
        read(root / "self")


@pytest.mark.parametrize("loader", ["auto", "jsonl", "csv", "parquet"])
def test_sources_that_are_no_names_are_refused(loader: str) -> None:
    with pytest.raises(ConfigError, match="empty text"):
        loaded("", loader=loader)
    for name in ("x" * 300, "a\0b", "~nobody-here/x"):
        with pytest.raises(ConfigError, match="no such file"):
            loaded(name, loader=loader)


@pytest.mark.parametrize("encoding", ["utf-9", "undefined", "idna", "punycode", "base64", "unicode_escape", "a\0b"])
def test_an_encoding_that_is_none_is_refused_once(encoding: str) -> None:
    with pytest.raises(ConfigError, match="there is no encoding"):
        DocumentsSettings(encoding=encoding)


def test_one_bad_file_of_several_is_a_reject_and_one_alone_stops(tmp_path: Path) -> None:
    files = {"bad.csv": "id,body\n1,words\n", "bad.parquet": "PAR1 \0junk", "good.csv": "id,text\n1,words\n"}
    made(tmp_path, files)
    found, count = loaded(*(tmp_path / name for name in files))
    assert (found, count.read) == (["1"], 3)
    found, count = loaded(tmp_path / "bad.csv", tmp_path / "good.csv", loader="csv")
    assert (found, count.read) == (["1"], 2)
    for loader, name in (("auto", "bad.csv"), ("auto", "bad.parquet"), ("csv", "bad.csv")):
        with pytest.raises(ConfigError):
            loaded(tmp_path / name, loader=loader)
    with pytest.raises(ConfigError, match="no text in field"):
        loaded(tmp_path / "bad.csv", tmp_path / "bad.csv", loader="csv")
    with pytest.raises(ConfigError, match="no such file"):
        loaded(tmp_path / "gone.csv", tmp_path / "good.csv", loader="csv")


def test_files_that_were_named_are_read(tmp_path: Path) -> None:
    made(tmp_path, {name: TEXT + name for name in ("x.tmp", "a.md~", ".hidden.md")})
    for name in ("x.tmp", "a.md~", ".hidden.md"):
        assert len(loaded(tmp_path / name)[0]) == 1
    # A shell writes out `*`.
    found, count = loaded(*(tmp_path / name for name in ("x.tmp", "a.md~", ".hidden.md")))
    assert (len(found), count.skipped) == (1, {"a temporary file": 2})


def test_the_older_format_of_lzma_is_read(tmp_path: Path) -> None:
    pack = {"format": lzma.FORMAT_ALONE}
    made(tmp_path, {
        "a.txt.lzma": lzma.compress(TEXT.encode(), **pack), "b.csv.lzma": lzma.compress(b"id,text\nb,two\n", **pack),
    })  # fmt: skip
    assert loaded(tmp_path)[0][1:] == ["b"]
    assert len(loaded(tmp_path)[0]) == 2


def test_columns_in_names_of_folders_are_read(tmp_path: Path) -> None:
    folder = made(tmp_path, {"topic=algebra/x": ""}) / "topic=algebra"
    parquet.write_table(pyarrow.table({"id": ["1"], "text": ["words"]}), folder / "p.parquet")
    for source in (tmp_path, folder / "p.parquet"):
        topics = [[one.topics for one in read(source, topics_field=field) if isinstance(one, Document)]
                  for field in ("topic", "topics")]  # fmt: skip
        assert topics == [[("algebra",)]] * 2


def test_the_head_of_a_plain_text_fills_its_fields(tmp_path: Path) -> None:
    heads = {"a.txt": f"---\ntitle: Orbits\nlicense: MIT\n---\n\n{TEXT}\n", "b.txt": f"---\nBob: yes\n---\n{TEXT}"}
    first, second = [one for one in read(made(tmp_path, heads)) if isinstance(one, Document)]  # type: ignore[arg-type]
    assert (first.title, first.license, first.text) == ("Orbits", "MIT", TEXT)
    assert second.text == heads["b.txt"]
