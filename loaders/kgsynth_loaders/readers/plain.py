"""Read plain text: a document per file; form feeds begin pages, and running heads are removed.

Words that a hyphen divides at the end of a line of running text are joined.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.characters import decode
from kgsynth_loaders.hyphens import without_divided_words, words_of
from kgsynth_loaders.readers import ReadOptions

_LINE_ENDS = re.compile("\r\n|[\r\v\x85\u2028\u2029]")
# Overstrikes in manual pages, and colour codes of terminals.
_OVERSTRIKE = re.compile(r"[^\n\x08]\x08")
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_UNDERLINE = re.compile(r"([=\-~*_#])\1{2,}")
_LONGEST_TITLE = 100
_MOST_TITLE_WORDS = 15
# Minimum number of pages, and minimum share of them, for a repeated line to be a running head.
_FEWEST_PAGES = 3
_SHARE_OF_PAGES = 0.4
# A page of fewer lines has no running heads.
_FEWEST_LINES = 4


class FileText(NamedTuple):
    r"""The text of a file with `\n` as the only line end.

    Attributes:
        text: text without control characters.
        guess: its encoding if that is a guess, else empty.
        blanked: number of control characters that were replaced by spaces.
    """

    text: str
    guess: str
    blanked: int = 0

    def remarks(self) -> list[Remark]:
        """Return remarks on a guessed encoding and on replaced control characters."""
        remark_texts = [f"encoding guessed: {self.guess}"] if self.guess else []
        if self.blanked:
            remark_texts.append(f"control characters became blanks: {self.blanked:,}")
        return [Remark(position=Position(source=""), text=text) for text in remark_texts]

    def metadata(self) -> dict[str, str]:
        """Return the name of a guessed encoding under `encoding_guessed`."""
        return {"encoding_guessed": self.guess} if self.guess else {}


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield the text of the file.

    Raises:
        RecordError: the bytes are no text, or the text is blank.
    """
    file = read_text(path, options)
    yield from file.remarks()
    pages = [page.strip("\n") for page in file.text.split("\f")]
    while pages and not pages[-1].strip():
        pages.pop()
    if not pages:
        raise RecordError("no text")
    words = words_of(file.text)
    pages = [without_divided_words(page, words) for page in _without_running_heads(pages)]
    text, starts = _joined(pages)
    if not text.strip():
        raise RecordError("no text")
    yield Document(id="", text=text, title=_title(text), metadata=file.metadata(), page_starts=starts)


def read_text(path: Path, options: ReadOptions) -> FileText:
    """Return the text of a file with spaces in place of control characters; form feeds are kept.

    Raises:
        RecordError: the bytes are no text.
    """
    decoded = decode(path.read_bytes(), encoding=options.encoding)
    text = _LINE_ENDS.sub("\n", decoded.text)
    if "\x08" in text:
        text = _OVERSTRIKE.sub("", text)
    if "\x1b" in text:
        text = _TERMINAL_CODE.sub("", text)
    text, blanked = _CONTROLS.subn(" ", text.replace("\ufeff", ""))
    return FileText(text, decoded.encoding if decoded.is_guessed else "", blanked)


def _joined(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    """Join pages to a text, and return it with the offsets of the pages; no offsets for a single page."""
    starts: list[int] = []
    length = 0
    for page in pages:
        starts.append(length)
        length += len(page) + 2
    return "\n\n".join(pages), tuple(starts) if len(pages) > 1 else ()


def _without_running_heads(pages: list[str]) -> list[str]:
    """Remove first and last lines that are repeated on many pages with at most their numbers changed."""
    if len(pages) < _FEWEST_PAGES:
        return pages
    lines = [page.split("\n") for page in pages]
    edges = [_edges(page_lines) for page_lines in lines]
    counts = Counter(_shape(lines[page][line]) for page, edge_lines in enumerate(edges) for line in edge_lines)
    min_count = max(_FEWEST_PAGES, _SHARE_OF_PAGES * len(pages))
    for page, edge_lines in enumerate(edges):
        for line in edge_lines:
            if counts[_shape(lines[page][line])] >= min_count:
                lines[page][line] = ""
    return ["\n".join(page_lines).strip("\n") for page_lines in lines]


def _edges(lines: list[str]) -> set[int]:
    """Return the indices of the first and last non-blank lines of a page if they may be running heads."""
    non_blank = [index for index, line in enumerate(lines) if line.strip()]
    if len(non_blank) < _FEWEST_LINES:
        return set()
    return {index for index in (non_blank[0], non_blank[-1]) if len(lines[index].strip()) <= _LONGEST_TITLE}


def _shape(line: str) -> str:
    return re.sub(r"\d+|\b[ivxlc]+\b", "0", " ".join(line.split())[:200])


def _title(text: str) -> str:
    """Return the first line if it is short, followed by a blank line or underlined, and no sentence; else empty."""
    lines = text.lstrip("\n").split("\n", 3)[:3]
    line = lines[0].strip()
    after = lines[1].strip() if len(lines) > 1 else None
    if after is None or (after and not _UNDERLINE.fullmatch(after)):
        return ""
    if len(line) > _LONGEST_TITLE or len(line.split()) > _MOST_TITLE_WORDS or _UNDERLINE.fullmatch(line):
        return ""
    is_sentence = line.endswith((".", ",", ";", ":", "?!")) or line[:1] in "-*•>|<{[(#/\"'"
    return "" if is_sentence or not any(char.isalpha() for char in line) else line
