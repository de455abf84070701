"""Tests of `kgsynth_loaders.archives`."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from kgsynth.records import Document
from kgsynth_loaders import archives
from tests.unit.loaders.sources_cases import TEXT, outcome, read, zipped


def test_bombs_and_damaged_archives_cost_what_they_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_ALWAYS_BYTES", 2**20)
    bombs = {"b_DOT_txt": b"0" * 2**26, "c_DOT_txt": b"0" * 2**25}
    bomb = zipped(tmp_path / "bomb.zip", a_DOT_txt=TEXT.encode(), **bombs, d_DOT_txt=TEXT.encode())
    assert outcome(read(bomb)) == {
        "a.txt": "text",
        "b.txt": "unpacks to far more than its archive holds",
        "c.txt": "unpacks to far more than its archive holds",
        "d.txt": "text",
    }
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 2**24)
    assert outcome(read(bomb))["b.txt"] == "larger than 0 GiB"

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
