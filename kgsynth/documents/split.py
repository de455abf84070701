"""Long documents as parts: by headings, by pages, or by words.

Two concepts of one book of 400 pages say nothing about each other; two of one section do. A part keeps which document
it is of, its pages, and the headings above it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from kgsynth.config import DocumentsSettings
from kgsynth.records import Document

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t#]*$")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
# A word, or a character of a script that writes without blanks.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(f"[{_UNSPACED}]|[^\\s{_UNSPACED}]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[ \t\n]+|(?<=[。！？])|\n")
_LONGEST_TITLE = 200
_BETWEEN_HEADINGS = " > "
# A section of fewer words is joined to its neighbour of the same chapter where the two fit into one part.
_SMALL_WORDS = 120
_FEW_WORDS = 20


class _Piece(NamedTuple):
    """A stretch of a text with the headings that it stands under, outermost first."""

    start: int
    end: int
    headings: tuple[str, ...]
    words: int


@dataclass(frozen=True, slots=True)
class _Heading:
    start: int
    level: int
    title: str


def word_count(text: str) -> int:
    """Words of a text; a character of a script that writes without blanks counts for one."""
    return len(text.split()) if text.isascii() else len(_WORD.findall(text))


def split(document: Document, settings: DocumentsSettings) -> Iterator[Document]:
    """The parts of a document in their order, or the document where it stays whole.

    Args:
        document: with `page_starts` where it has pages.
        settings: `split` says how, `whole_words` up to which length nothing is split, `part_words` how long a part is
            at most.
    """
    whole = replace(document, page_starts=()) if document.page_starts else document
    if settings.split == "none" or document.parent:
        yield whole
        return
    # A text has fewer words than characters; most documents are short.
    is_short = len(document.text) <= settings.whole_words or word_count(document.text) <= settings.whole_words
    if settings.split == "auto" and is_short:
        yield whole
        return
    headings = _headings(document.text)
    pieces = list(_pieces(document, settings, headings))
    if len(pieces) < 2:
        yield whole
        return
    above_chapters = _levels_above_chapters(headings)
    for number, piece in enumerate(pieces, start=1):
        yield _part(document, piece, number, above_chapters)


def _levels_above_chapters(headings: list[_Heading]) -> int:
    """1 where all stands under one heading, the title of the document; else 0."""
    outermost = min((heading.level for heading in headings), default=0)
    tops = [heading for heading in headings if heading.level == outermost]
    return int(len(tops) == 1 and len(headings) > 1 and headings[0] is tops[0])


def _pieces(document: Document, settings: DocumentsSettings, headings: list[_Heading]) -> Iterator[_Piece]:
    text, limit = document.text, settings.part_words
    how = settings.split
    if how == "auto":
        how = "sections" if len(headings) > 1 else "pages" if len(document.page_starts) > 1 else "words"
    if how == "sections":
        found = _joined(_sections(text, headings), limit, _levels_above_chapters(headings))
    elif how == "pages" and document.page_starts:
        pages = pairwise([*document.page_starts, len(text)])
        found = _joined_pages([_piece(text, start, end, headings) for start, end in pages], limit)
    else:
        found = [_piece(text, 0, len(text), headings)]
    for piece in found:
        if piece.words > limit:
            yield from _cut(text, piece, limit, headings)
        elif piece.words:
            yield piece


def _piece(text: str, start: int, end: int, headings: list[_Heading]) -> _Piece:
    """A stretch, under the headings that hold where its words begin."""
    first = start + len(text[start:end]) - len(text[start:end].lstrip())
    return _Piece(start, end, _above(headings, first), word_count(text[start:end]))


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """The lines of a text: where each begins, and whether a fence that was opened above it is still open."""
    start, fence = 0, ""
    for line in text.split("\n"):
        yield start, line, bool(fence)
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark.group(1)
        elif mark and mark.group(1).startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        start += len(line) + 1


def _headings(text: str) -> list[_Heading]:
    return [
        _Heading(start, len(heading.group(1)), heading.group(2))
        for start, line, is_fenced in _lines(text)
        if not is_fenced and line.startswith("#") and len(line) <= _LONGEST_TITLE and (heading := _HEADING.match(line))
    ]


def _above(headings: list[_Heading], place: int) -> tuple[str, ...]:
    """The headings that a place stands under, outermost first; one that begins there is the innermost."""
    path: list[_Heading] = []
    for heading in reversed(headings[: bisect_right(headings, place, key=lambda one: one.start)]):
        if not path or heading.level < path[-1].level:
            path.append(heading)
        if heading.level == 1:
            break
    return tuple(heading.title for heading in reversed(path))


def _sections(text: str, headings: list[_Heading]) -> list[_Piece]:
    starts = [0, *(heading.start for heading in headings if heading.start > 0), len(text)]
    path: list[_Heading] = []
    by_start = {heading.start: heading for heading in headings}
    pieces = []
    for start, end in pairwise(starts):
        heading = by_start.get(start)
        if heading is not None:
            path = [*(one for one in path if one.level < heading.level), heading]
        pieces.append(_Piece(start, end, tuple(one.title for one in path), word_count(text[start:end])))
    return pieces


def _joined(sections: list[_Piece], limit: int, above_chapters: int) -> list[_Piece]:
    """Sections joined to those before them, within a chapter and up to the limit.

    What stands under a heading joins it: a section and its subsections are one part where they fit. Neighbours join
    where one of them is small.
    """
    parts: list[_Piece] = []
    for section in sections:
        last = parts[-1] if parts else None
        if last is not None and last.words + section.words <= limit and _may_join(last, section, above_chapters):
            is_title = len(last.headings) <= above_chapters
            headings = section.headings if is_title else _common(last.headings, section.headings)
            parts[-1] = _Piece(last.start, section.end, headings, last.words + section.words)
        else:
            parts.append(section)
    return parts


def _may_join(last: _Piece, section: _Piece, above_chapters: int) -> bool:
    if len(last.headings) <= above_chapters:
        # What stands before the first chapter: a title alone is no part.
        return last.words < _FEW_WORDS
    common = _common(last.headings, section.headings)
    if common == last.headings:
        return True
    return len(common) > above_chapters and min(last.words, section.words) < _SMALL_WORDS


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return first[:length]


def _joined_pages(pages: list[_Piece], limit: int) -> list[_Piece]:
    parts: list[_Piece] = []
    for page in pages:
        if parts and parts[-1].words + page.words <= limit:
            last = parts[-1]
            parts[-1] = _Piece(last.start, page.end, last.headings or page.headings, last.words + page.words)
        else:
            parts.append(page)
    return parts


def _cut(text: str, piece: _Piece, limit: int, headings: list[_Heading]) -> Iterator[_Piece]:
    """A stretch cut between paragraphs, where those are too long between sentences, else between words."""
    parts = -(-piece.words // limit)
    wanted = -(-piece.words // parts)
    start, words = piece.start, 0
    for begin, end in _atoms(text, piece.start, piece.end, limit):
        count = word_count(text[begin:end])
        if words and (words + count > limit or words >= wanted):
            yield _piece(text, start, begin, headings)
            start, words = begin, 0
        words += count
    if words:
        yield _piece(text, start, piece.end, headings)


def _atoms(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Paragraphs, fences whole; of a paragraph over the limit its sentences, of such a sentence its words."""
    for begin, stop in _paragraphs(text, start, end):
        if word_count(text[begin:stop]) <= limit:
            yield begin, stop
            continue
        for first, last in _between(_SENTENCE_END, text, begin, stop):
            if word_count(text[first:last]) <= limit:
                yield first, last
            else:
                yield from _runs_of_words(text, first, last, limit)


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    was_blank = False
    for offset, line, is_fenced in _lines(text[start:end]):
        if was_blank and line.strip() and not is_fenced:
            yield begin, start + offset
            begin = start + offset
        was_blank = not line.strip()
    yield begin, end


def _between(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for found in pattern.finditer(text, start, end):
        if found.end() > begin:
            yield begin, found.end()
            begin = found.end()
    if begin < end:
        yield begin, end


def _runs_of_words(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    begin = start
    for number, word in enumerate(_WORD.finditer(text, start, end), start=1):
        if number % limit == 0:
            yield begin, word.end()
            begin = word.end()
    if begin < end:
        yield begin, end


def _part(document: Document, piece: _Piece, number: int, above_chapters: int) -> Document:
    own = piece.headings[-1] if piece.headings else ""
    chapter = next(iter(piece.headings[above_chapters:]), "")
    has_better_topic = document.topics_are_guessed and chapter
    metadata = {"document_title": document.title, **document.metadata} if document.title else document.metadata
    return replace(
        document,
        id=f"{document.id}#{number}",
        text=document.text[piece.start : piece.end].strip(),
        title=own or document.title,
        topics=(chapter,) if has_better_topic else document.topics,
        parent=document.id,
        pages=_pages(document, piece),
        section=_BETWEEN_HEADINGS.join(piece.headings),
        metadata=metadata,
        page_starts=(),
    )


def _pages(document: Document, piece: _Piece) -> str:
    """The pages on which a part stands, "12" or "12-15"; empty for a document without pages."""
    if not document.page_starts:
        return ""
    text = document.text[piece.start : piece.end]
    first = piece.start + len(text) - len(text.lstrip())
    last = piece.start + len(text.rstrip()) - 1
    begin = max(bisect_right(document.page_starts, first), 1)
    end = max(bisect_right(document.page_starts, last), begin)
    return str(begin) if begin == end else f"{begin}-{end}"
