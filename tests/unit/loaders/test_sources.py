"""Tests of `kgsynth_loaders.sources`."""

import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from kgsynth.errors import ConfigError
from kgsynth.records import Document, FileRead
from kgsynth_loaders import sources
from tests.unit.loaders.sources_cases import TEXT, loaded, made, outcome, read


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
