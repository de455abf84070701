"""Plain text: one file, one document; form feeds begin pages, and running heads of pages are left out."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.characters import decode
from kgsynth_loaders.readers import ReadOptions

_LINE_ENDS = re.compile("\r\n|[\r\v\x85\u2028\u2029]")
# Overstruck characters of manual pages, and colours of terminals.
_OVERSTRIKE = re.compile(r"[^\n\x08]\x08")
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_CONTROLS = {code: None for code in (*range(9), *range(14, 32), 127, 0xFEFF)}
_UNDERLINE = re.compile(r"([=\-~*_#])\1{2,}")
_LONGEST_TITLE = 100
_MOST_TITLE_WORDS = 15
# Pages from which on lines that come back on many of them are running heads.
_FEWEST_PAGES = 3
_SHARE_OF_PAGES = 0.4
# A page of fewer lines is all text.
_FEWEST_LINES = 4


class FileText(NamedTuple):
    r"""The text of a file with `\n` as the only end of lines; `guess` names its encoding where that is a guess."""

    text: str
    guess: str

    def remarks(self) -> list[Remark]:
        """What people are told about the encoding."""
        return [Remark(position=Position(source=""), text=f"encoding guessed: {self.guess}")] if self.guess else []

    def metadata(self) -> dict[str, str]:
        """The name of a guessed encoding under `encoding_guessed`."""
        return {"encoding_guessed": self.guess} if self.guess else {}


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """The text as it stands.

    Raises:
        RecordError: the bytes are no text, or there is nothing but blanks.
    """
    file = read_text(path, options)
    yield from file.remarks()
    pages = [page.strip("\n") for page in file.text.split("\f")]
    while pages and not pages[-1].strip():
        pages.pop()
    if not pages:
        raise RecordError("no text")
    pages = _without_running_heads(pages)
    text, starts = _joined(pages)
    if not text.strip():
        raise RecordError("no text")
    yield Document(id="", text=text, title=_title(text), metadata=file.metadata(), page_starts=starts)


def read_text(path: Path, options: ReadOptions) -> FileText:
    """The text of a file without control characters; form feeds stay.

    Raises:
        RecordError: the bytes are no text.
    """
    decoded = decode(path.read_bytes(), encoding=options.encoding)
    text = _LINE_ENDS.sub("\n", decoded.text)
    if "\x08" in text:
        text = _OVERSTRIKE.sub("", text)
    if "\x1b" in text:
        text = _TERMINAL_CODE.sub("", text)
    return FileText(text.translate(_CONTROLS), decoded.encoding if decoded.is_guessed else "")


def _joined(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    """All pages as one text, and where each begins; no places for a single page."""
    starts: list[int] = []
    length = 0
    for page in pages:
        starts.append(length)
        length += len(page) + 2
    return "\n\n".join(pages), tuple(starts) if len(pages) > 1 else ()


def _without_running_heads(pages: list[str]) -> list[str]:
    """Pages without first and last lines that come back on many pages with no more than their numbers changed."""
    if len(pages) < _FEWEST_PAGES:
        return pages
    lines = [page.split("\n") for page in pages]
    edges = [_edges(one) for one in lines]
    counts = Counter(_shape(lines[page][line]) for page, both in enumerate(edges) for line in both)
    least = max(_FEWEST_PAGES, _SHARE_OF_PAGES * len(pages))
    for page, both in enumerate(edges):
        for line in both:
            if counts[_shape(lines[page][line])] >= least:
                lines[page][line] = ""
    return ["\n".join(one).strip("\n") for one in lines]


def _edges(lines: list[str]) -> set[int]:
    """The places of the first and the last line of a page where a running head can stand: above and below others."""
    filled = [place for place, line in enumerate(lines) if line.strip()]
    if len(filled) < _FEWEST_LINES:
        return set()
    return {place for place in (filled[0], filled[-1]) if len(lines[place].strip()) <= _LONGEST_TITLE}


def _shape(line: str) -> str:
    return re.sub(r"\d+|\b[ivxlc]+\b", "0", " ".join(line.split())[:200])


def _title(text: str) -> str:
    """The first line, where it is short, stands alone or is underlined, and is no sentence."""
    lines = text.lstrip("\n").split("\n", 3)[:3]
    line = lines[0].strip()
    after = lines[1].strip() if len(lines) > 1 else None
    if after is None or (after and not _UNDERLINE.fullmatch(after)):
        return ""
    if len(line) > _LONGEST_TITLE or len(line.split()) > _MOST_TITLE_WORDS or _UNDERLINE.fullmatch(line):
        return ""
    is_sentence = line.endswith((".", ",", ";", ":", "?!")) or line[:1] in "-*•>|<{[(#/\"'"
    return "" if is_sentence or not any(char.isalpha() for char in line) else line
