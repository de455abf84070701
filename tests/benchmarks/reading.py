"""How fast files are read: PDF beside the bare library, HTML beside bare trafilatura, JSON Lines in megabytes a second.

    python -m tests.benchmarks.reading FOLDER

FOLDER holds PDF and HTML files, for example manuals of Debian's documentation packages. Bare libraries and kgsynth take
turns on the same files, so that the ratios bear a busy machine.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from kgsynth.documents.read import usable_documents
from kgsynth.records import StageCount
from kgsynth.rejects import RejectFile
from kgsynth.settings import DocumentsSettings
from kgsynth_loaders import auto

_TURNS = 3
_PDF_FILES, _HTML_FILES = 12, 400
_JSON_LINES = 200_000


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turns(*works: Callable[[], object]) -> list[float]:
    """The median time of each call, all called in turns."""
    times = [[seconds(work) for work in works] for _ in range(_TURNS)]
    return [median(column) for column in zip(*times, strict=True)]


def bare_pdf(paths: Sequence[Path]) -> int:
    """The text of all pages by pypdfium2 alone; how many pages."""
    import pypdfium2

    pages = 0
    for path in paths:
        document = pypdfium2.PdfDocument(path)
        for page in document:
            page.get_textpage().get_text_range()
            pages += 1
        document.close()
    return pages


def bare_html(paths: Sequence[Path]) -> None:
    """The main text of all pages by trafilatura alone."""
    import trafilatura

    for path in paths:
        trafilatura.extract(path.read_bytes())


def read(paths: Sequence[Path], readers: int) -> None:
    """All documents of some files."""
    settings = DocumentsSettings(readers=readers)
    for _ in auto.documents([str(path) for path in paths], settings):
        pass


def json_lines(folder: Path) -> tuple[float, float]:
    """Megabytes a second from JSON Lines to checked documents, and by `json.loads` alone."""
    path = folder / "rows.jsonl"
    text = "A group acts on a set, and the orbits of the action are disjoint and cover the set. " * 12
    with path.open("w", encoding="utf-8") as file:
        for number in range(_JSON_LINES):
            row = {"id": f"d{number}", "title": f"Document {number}", "text": f"{number} {text}", "topics": ["algebra"]}
            file.write(json.dumps(row) + "\n")
    size = path.stat().st_size / 1e6

    def checked() -> None:
        settings = DocumentsSettings(loader="jsonl", sources=(str(path),))
        with RejectFile(folder / "rejects.jsonl") as rejects:
            for _ in usable_documents(settings, rejects, StageCount(stage="read")):
                pass

    def bare() -> None:
        with path.open("rb") as file:
            for line in file:
                json.loads(line)

    ours, theirs = in_turns(checked, bare)
    return size / ours, size / theirs


def main() -> None:
    """Print the figures."""
    root = Path(sys.argv[1])
    pdf = sorted(path for path in root.rglob("*.pdf") if path.is_file() and path.stat().st_size > 100_000)
    html = sorted(path for path in root.rglob("*.html") if path.is_file() and path.stat().st_size > 5_000)
    pdf, html = pdf[:: max(1, len(pdf) // _PDF_FILES)], html[:: max(1, len(html) // _HTML_FILES)]
    if pdf:
        pages = bare_pdf(pdf)
        bare, one, two = in_turns(lambda: bare_pdf(pdf), lambda: read(pdf, 1), lambda: read(pdf, 2))
        print(f"PDF, {len(pdf)} files, {pages:,} pages: bare {pages / bare:,.0f} pages/s, ", end="")
        print(f"one worker {bare / one:.2f} of it, two workers {one / two:.2f} times one")
    if html:
        bare, one, two = in_turns(lambda: bare_html(html), lambda: read(html, 1), lambda: read(html, 2))
        print(f"HTML, {len(html)} files: bare trafilatura {len(html) / bare:,.0f} documents/s, ", end="")
        print(f"one worker {bare / one:.2f} of it, two workers {one / two:.2f} times one")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = json_lines(Path(folder))
        print(f"JSON Lines: {ours:.0f} MB/s to checked documents, {theirs:.0f} MB/s by json.loads alone")


if __name__ == "__main__":
    main()
