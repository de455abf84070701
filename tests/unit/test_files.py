"""Any file below a source: read by its format, rejected with a reason, or left out by a rule; none is in no count."""

import bz2
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from kgsynth.config import DocumentsSettings
from kgsynth.documents import RejectFile, usable_documents
from kgsynth.errors import ConfigError
from kgsynth.records import Document, FileRead, Reject, Skipped, StageCount
from kgsynth_loaders import archives, auto, csv_table, formats, sources
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.workers import Job, Limits, WorkerPool

TEXT = "Groups act on sets, and the orbits of an action are disjoint."
PAGE = f"<html><head><title>Orbits</title></head><body><p>{TEXT} They cover the whole set as well.</p></body></html>"


def read(*given: object, **settings: object) -> list[object]:
    names = [str(one) for one in given]
    return list(auto.documents(names, DocumentsSettings(sources=tuple(names), **settings)))  # type: ignore[arg-type]


def outcome(records: list[object]) -> dict[str, str]:
    """What became of each file, by its name: its format, or the reason, or the rule."""
    found = {}
    for record in records:
        if isinstance(record, Reject):
            found[Path(record.position.source).name] = record.reason
        elif isinstance(record, Skipped):
            found[Path(record.position.source).name] = f"skipped: {record.rule}"
        elif isinstance(record, FileRead):
            found.setdefault(Path(record.position.source).name, record.format)
    return found


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return path


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
    (tmp_path / "c.odt").write_bytes(b"\0\1\2\3")
    (tmp_path / ".d").write_text("x")
    count = StageCount(stage="load", unit="documents")
    settings = DocumentsSettings(sources=(str(tmp_path),))
    with RejectFile(tmp_path.parent / "rejects.jsonl") as rejects:
        assert len(list(usable_documents(settings, rejects, count))) == 2
    assert count.lines()[1:] == ["  Markdown: 2 files, 2 documents", "  skipped (hidden): 1 file"]
    assert count.rejected == {"no reader for .odt": 1}
    assert (count.notes["without_licence"], count.to_row()["skipped"]) == (2, {"hidden": 1})


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"%PDF-1.7\n", "PDF"),
        ("a.pdf", b"%PDF-1.7\n", "PDF"),
        ("a.pdf", b"junk", "PDF"),
        ("a.pdf", b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n", "PDF"),
        ("a.jsonl", b'{"text": "files that begin with %PDF-1.4 are PDF"}', "JSON Lines"),
        ("a.txt", PAGE.encode(), "HTML"),
        ("a.html", b"<p>words", "HTML"),
        ("a.xml", b"<?xml version='1.0'?><mediawiki></mediawiki>", "MediaWiki"),
        ("a.xml.bz2", bz2.compress(b"<mediawiki></mediawiki>"), "MediaWiki"),
        ("a.xhtml", b'<?xml version="1.0"?><!DOCTYPE html><html></html>', "HTML"),
        ("a.xml", b"<?xml version='1.0'?><rss></rss>", "no reader for XML whose outermost element is rss"),
        ("a.jsonl", b'{"a": 1}', "JSON Lines"),
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}'), "JSON Lines"),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', "JSON Lines"),
        ("a.json", b'{"a":\n 1}', "JSON"),
        ("a.json", b'{"cells": [], "nbformat": 4}', "Jupyter notebook"),
        ("a.md.gz", gzip.compress(b"words"), "compressed file"),
        ("a.tgz", gzip.compress(b"x" * 257 + b"ustar"), "tar archive"),
        ("a.gz", gzip.compress(b"x" * 257 + b"ustar"), "tar archive"),
        ("a.warc.gz", gzip.compress(b"WARC/1.0\r\n"), "WARC"),
        ("a.dat", b"PAR1....", "Parquet"),
        ("a.tex", b"\\section{x}", "LaTeX"),
        ("paper", b"\\documentclass{article}", "LaTeX"),
        ("a.py", b"print(1)", "source code"),
        ("NOTES", b"words", "text"),
        ("a.conf", "Wörter".encode("utf-16"), "text"),
        ("gcc.info-2", b"\x1f\nFile: gcc.info", "GNU Info"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Word"),
        ("a.ps", b"%!PS-Adobe", "no reader for .ps"),
        ("a.dat", b"\x00\x01\x02", "no reader for .dat"),
        ("a", b"\x00\x01\x02", "no reader for a file without ending"),
    ],
)
def test_formats_are_known_by_first_bytes_and_ending(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = formats.format_of(path)
    assert (found.problem or (found.format and found.format.name)) == expected


def test_zip_files_of_office_programs_are_known_by_what_they_hold(tmp_path: Path) -> None:
    for member, expected in (("word__x", "Word"), ("ppt__x", "PowerPoint"), ("xl__x", "spreadsheet")):
        path = zipped(tmp_path / "a.zip", **{"[Content_Types]_DOT_xml": b"", member: b""})
        found = formats.format_of(path)
        assert found.format is not None
        assert found.format.name == expected
    assert formats.format_of(zipped(tmp_path / "b.zip", a_DOT_md=b"x")).format is formats.ZIP
    assert formats.format_of(zipped(tmp_path / "b.jar", a_DOT_md=b"x")).problem == "no reader for .jar"
    assert formats.format_of(zipped(tmp_path / "b.zcos", a_DOT_md=b"x")).problem == "no reader for .zcos"
    assert formats.format_of(zipped(tmp_path / "e", mimetype=b"application/epub+zip")).format is formats.EPUB


def test_a_loader_of_another_format_is_answered_with_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    path.write_bytes(b"%PDF-1.7\n")
    with pytest.raises(ConfigError, match="format PDF"):
        formats.expect(str(path), formats.JSON_LINES)
    path.write_bytes(b'{"text": "a"}\n')
    formats.expect(str(path), formats.JSON_LINES)
    path.write_bytes(PAGE.encode())
    with pytest.raises(ConfigError, match="format HTML") as said:
        list(csv_table.documents(str(path), DocumentsSettings()))
    assert said.value.hint == "Use --loader auto."


def test_a_table_that_was_named_stops_the_work_and_one_of_a_folder_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,body\n1,words\n")
    with pytest.raises(ConfigError, match="no text in field 'text'; the fields are 'id', 'body'") as said:
        read(tmp_path / "rows.csv")
    assert "--text-field" in said.value.hint
    assert "no text in field 'text'" in outcome(read(tmp_path))["rows.csv"]


def test_sources_are_files_folders_patterns_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/x.md", "b/x.md", "b/y.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT + name)
    monkeypatch.chdir(tmp_path)
    found = [one.id for one in read("a/x.md", "./b/x.md") if isinstance(one, Document)]
    assert found == ["a/x.md", "b/x.md"]
    assert [one.id for one in read("*/x.md") if isinstance(one, Document)] == ["a/x.md", "b/x.md"]
    assert [one.id for one in read("**/*.txt") if isinstance(one, Document)] == ["b/y.txt"]
    with pytest.raises(ConfigError, match="no such file or folder"):
        read("gone.md")
    with pytest.raises(ConfigError, match="no file matches"):
        read("*.pdf")
    os.mkfifo("pipe")
    with pytest.raises(ConfigError, match="pipe or a device"):
        read("pipe")
    piped = io.TextIOWrapper(io.BytesIO(b'{"id": "s", "text": "from a pipe"}\n{"id": "t", "text": "two"}\n'))
    monkeypatch.setattr(sys, "stdin", piped)
    sources._standard_input.cache_clear()
    # A source is read more than once.
    assert [one.id for _ in range(2) for one in read("-") if isinstance(one, Document)] == ["s", "t", "s", "t"]
    sources._standard_input.cache_clear()


@pytest.mark.parametrize("packing", ["zip", "tar", "tar.gz", "tar.xz", "tar.zst", "tar.bz2"])
def test_archives_are_read_member_by_member(tmp_path: Path, packing: str) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("deep/c.txt", TEXT + " c")
    members = {
        "docs/a.md": (TEXT + " a").encode(), "rows.jsonl": b'{"id": "r", "text": "row"}\n', "in.zip": inner.getvalue(),
        "../out.md": b"outside", ".hidden": b"x", "e.txt": b"",
    }  # fmt: skip
    path = tmp_path / f"files.{packing}"
    if packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            link = tarfile.TarInfo("link.md")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        pack = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress, ".bz2": bz2.compress}
        path.write_bytes(pack[packing.removeprefix("tar")](packed.getvalue()))
    records = read(path)
    found = {one.id for one in records if isinstance(one, Document)}
    root = sources._as_id(str(path))
    assert found == {f"{root}/docs/a.md", "r", f"{root}/in.zip/deep/c.txt"}
    held = outcome(records)
    assert held["out.md"] == "its name leads out of the archive"
    assert (held[".hidden"], held["e.txt"]) == ("skipped: hidden", "skipped: empty")
    if packing != "zip":
        assert held["link.md"] == "skipped: a link or a device in an archive"
    assert all(one.source.startswith(str(path)) for one in records if isinstance(one, Document) and one.source)


def test_bombs_and_damaged_archives_cost_what_they_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_ALWAYS_BYTES", 2**20)
    bomb = zipped(tmp_path / "bomb.zip", a_DOT_txt=TEXT.encode(), b_DOT_txt=b"0" * 2**26)
    found = read(bomb)
    assert len([one for one in found if isinstance(one, Document)]) == 1
    assert "unpacks to far more than it holds" in outcome(found)["bomb.zip"]

    whole = zipped(tmp_path / "whole.zip", a_DOT_txt=os.urandom(3000).hex().encode())
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:1000])
    assert outcome(read(cut)) == {"cut.zip": "archive is damaged from here on"}

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for number in range(3):
            data = os.urandom(20_000).hex().encode()
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(packed.getvalue()[:30_000])
    found = read(torn)
    assert len([one for one in found if isinstance(one, Document)]) == 1
    assert outcome(found)["torn.tar.gz"] == "archive is damaged from here on"

    matryoshka = TEXT.encode()
    for depth in range(6):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive_of_archives:
            archive_of_archives.writestr("in.zip" if depth else "a.txt", matryoshka)
        matryoshka = outer.getvalue()
    (tmp_path / "deep.zip").write_bytes(matryoshka)
    assert any("archives within archives" in reason for reason in outcome(read(tmp_path / "deep.zip")).values())


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
    assert (reject.position.line, reject.raw) == (3, "A slow page")


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


def loaded(*given: object, **settings: object) -> tuple[list[str], StageCount]:
    """The ids of the documents that a load keeps, and its account."""
    names = tuple(map(str, given))
    count = StageCount(stage="load", unit="documents")
    chosen = DocumentsSettings(sources=names, max_rejected_share=1.0, **settings)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, RejectFile(Path(folder) / "rejects") as rejects:
        return [one.id for one in usable_documents(chosen, rejects, count)], count


def tar_of(*names: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(TEXT) + len(name)
            archive.addfile(info, io.BytesIO((TEXT + name).encode()))
    return packed.getvalue()


def made(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


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


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.md", "# PDF\n\n```\n%PDF-1.4\n1 0 obj\n%âãÏÓ\n```\n", "Markdown"),
        ("a.tex", "%PDF-1.5 output is set by pdftex\n\\section{x}", "LaTeX"),
        ("a.csv", 'id,text\n1,"a\n%PDF-1.4\nb"\n', "CSV"),
        ("a.txt", "WARC/1.0 is a format.", "text"),
        ("a.txt", "WARC/1.0\nis a format.", "text"),
        ("a.txt", "PAR1 and PAR2 files are checked.", "text"),
        ("a.txt", "This is Orbits, produced by makeinfo and others.", "text"),
        ("a.bin2", b"%PDF-1.4\n1 0 obj\n<<>>\n", "PDF"),
        ("a.bin2", b"\xef\xbb\xbf\n%PDF-1.4 \n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"),
        ("a.bin2", b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\r%\xe2\xe3\xcf\xd3\r1 0 obj", "PDF"),
        ("a.bin2", b"PAR1\x15\x04 \x15PAR1", "Parquet"),
        ("a.bin2", b"WARC/1.1\r\nContent-Length: 3\r\nWARC-Type: warcinfo\r\n", "WARC"),
        ("a.jsonl", "[\n{}]", "JSON"),
        ("a.ndjson", '{\n "text": "a"}', "JSON"),
        ("a.jsonl", '{"data": [\n{"text": "a"}]}', "JSON"),
        ("a.jsonl", '{"data": [{"text": "a"}]}', "JSON"),
        ("a.jsonl.gz", gzip.compress(b'[{"text": "a"}]'), "compressed file"),
        ("a.txt", b"words\0 of people", "NUL in its text"),
        ("a.txt", TEXT.encode("utf-16-le"), "text"),
        ("a.md", "Группа действует на множестве.\n".encode("utf-16-be"), "Markdown"),
        ("a.py", "群在集合上的作用，轨道是不相交的。\n".encode("utf-16-le"), "source code"),
        ("a.txt", bytes(range(1, 200, 2)) * 20 + b"\0\0", "NUL in its text"),
        ("a.txt.Z", b"\x1f\x9d\x90\0\1\2", "no reader for .z"),
        ("a.csv.gz", b"\0\1\2\3", "damaged"),
        ("a.arrow", b"ARROW1\0\0", "Arrow"),
    ],
)  # fmt: skip
def test_text_that_mentions_a_format_is_not_of_it(tmp_path: Path, name: str, data: str | bytes, expected: str) -> None:
    found = formats.format_of(made(tmp_path, {name: data}) / name)
    assert (found.problem or (found.format and found.format.name)) == expected


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


def test_tables_without_a_name_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "id;text\n1;one, two\n2;three\n"
    prose = "text, of people\nand more of it, too\nto the end\n"
    made(tmp_path, {"TABLE": table, "PROSE": prose})
    assert [one.format for one in read(tmp_path) if isinstance(one, FileRead)] == ["text", "CSV"]
    for loader in ("auto", "csv"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(table.encode())))
        sources._standard_input.cache_clear()
        assert loaded("-", loader=loader)[0] == ["1", "2"]
    sources._standard_input.cache_clear()


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
        assert topics == [[("algebra",)], [()]]


def test_the_head_of_a_plain_text_fills_its_fields(tmp_path: Path) -> None:
    heads = {"a.txt": f"---\ntitle: Orbits\nlicense: MIT\n---\n\n{TEXT}\n", "b.txt": f"---\nBob: yes\n---\n{TEXT}"}
    first, second = [one for one in read(made(tmp_path, heads)) if isinstance(one, Document)]  # type: ignore[arg-type]
    assert (first.title, first.license, first.text) == ("Orbits", "MIT", TEXT)
    assert second.text == heads["b.txt"]
