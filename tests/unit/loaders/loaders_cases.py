"""What the tests of several modules share: every loader: what is good comes through, what is bad becomes a reject with file, line and reason."""

from pathlib import Path

from kgsynth.records import Document, Reject
from kgsynth.settings import FieldNames

FIELDS = FieldNames()


def reasons(records: list) -> list[tuple[int, str]]:
    return [(one.position.line, one.reason) for one in records if isinstance(one, Reject)]


def write(path: Path, data: bytes | str) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def texts(records: list) -> list[str]:
    return [one.text for one in records if isinstance(one, Document)]
