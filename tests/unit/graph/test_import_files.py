"""Tests of `kgsynth.graph.bulk.import_files`."""

import errno
import gzip
from pathlib import Path

import pytest

from kgsynth.errors import ManifestError
from kgsynth.graph.bulk.import_files import ImportFiles


def test_a_full_disk_is_named_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"id": "d", "text": "text"}
    with ImportFiles(tmp_path) as files:
        files.write_rows("Document", [1], [row])

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", fail)
    with (
        pytest.raises(ManifestError, match=f"{tmp_path} could not be written: .*No space left") as caught,
        ImportFiles(tmp_path) as files,
    ):
        files.write_rows("Document", [1], [row])
    assert "free space" in caught.value.hint
