"""What the tests of several modules share: any file below a source: read by its format, rejected with a reason, or left out by a rule; none is in no count."""

import tempfile
import zipfile
from pathlib import Path

from kgsynth.documents.read import usable_documents
from kgsynth.records import FileRead, Reject, Skipped, StageCount
from kgsynth.rejects import RejectFile
from kgsynth.settings import DocumentsSettings
from kgsynth_loaders import auto

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


def loaded(*given: object, **settings: object) -> tuple[list[str], StageCount]:
    """The ids of the documents that a load keeps, and its account."""
    names = tuple(map(str, given))
    count = StageCount(stage="load", unit="documents")
    chosen = DocumentsSettings(sources=names, max_rejected_share=1.0, **settings)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, RejectFile(Path(folder) / "rejects") as rejects:
        return [one.id for one in usable_documents(chosen, rejects, count)], count


def made(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder
