"""What the tests of several modules share: text markup: formulas, code, tables and headings come through, and what is no text stays out."""

from pathlib import Path
from typing import Any

from kgsynth.records import Document
from kgsynth_loaders.readers import ReadOptions


def records(reader: Any, path: Path, text: str | bytes) -> list[Any]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(reader.read(path, ReadOptions()))


def document(reader: Any, path: Path, text: str | bytes) -> Document:
    found = [one for one in records(reader, path, text) if isinstance(one, Document)]
    assert len(found) == 1
    return found[0]
