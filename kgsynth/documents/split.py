"""Long documents as parts: by headings, by pages, or by words.

Two concepts of one book of 400 pages say nothing about each other; two of one section do. A part keeps which document
it is of, its pages, and the headings above it. Code that is cut keeps its fences in each part, and a table its head.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from kgsynth.config import DocumentsSettings
from kgsynth.records import Document
from kgsynth.scripts import MARKS, UNSPACED

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t#]*$")
# The mark of a fence and its info string, which holds no backtick after backticks.
_FENCE = re.compile(r"[ \t]{0,12}(`{3,}(?=[^`]*$)|~{3,})")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$")
# A letter of a script that writes without blanks, with the vowels and marks that belong to it; or a word.
_LETTER = f"[{UNSPACED}][{MARKS}\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6]*"
_VOWEL_BEFORE = "[\u0e40-\u0e44\u0ec0-\u0ec4]"
_STACKED = f"(?:(?<=[\u17d2\u1039]){_LETTER}|[{UNSPACED}](?=\u103a)[{MARKS}]*)"
_WORD = re.compile(f"{_VOWEL_BEFORE}?{_LETTER}{_STACKED}*|[^\\s{UNSPACED}]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…؟۔।॥։။៕])[\"'”’»)\]]*[ \t\n]+|(?<=[。！？｡．])[」』）”’》〉】]*|\n")
_LINE_END = re.compile(r"\n")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
# A line without indent begins a function or a statement of its own.
_BEFORE_DEFINITION = re.compile(r"\n(?:[ \t]*\n)+(?=[^\s)}\]])")
_BLANKS = re.compile(r"\s+")
_FORMULA_START = re.compile(r"(?<!\\)(?:\$\$|\$(?=[^\s$])|\\\[|\\\(|\\begin\{([A-Za-z]+\*?)\})")
_FORMULA_ENDS = {"\\[": "\\]", "\\(": "\\)"}
# A formula without an end is looked for no further than this.
_LONGEST_FORMULA = 3000
_LONGEST_TITLE = 200
_BETWEEN_HEADINGS = " > "
# A section of fewer words is joined to its neighbour of the same chapter where the two fit into one part.
_SMALL_WORDS = 120
# A part of fewer words is joined to the next one, whatever its chapter.
_FEW_WORDS = 20
# Marks of fences and heads of tables are repeated where they take no more than this share of a part.
_MAX_REPEATED_SHARE = 0.25
# Endings of files in which a line that begins with # is a comment more often than a heading.
_PLAIN_ENDINGS = frozenset("txt text log yaml yml toml ini cfg conf properties env list".split())
_PACKED = frozenset({"gz", "bz2", "xz", "zst"})


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


class _Block(NamedTuple):
    """Lines that need others to be understood: the code of a fence, or the rows of a table.

    `start` and `end` hold the opening and the closing mark too. A part that begins within the block, after `inside`,
    begins with `before`; one that ends there ends with `after`.
    """

    start: int
    inside: int
    end: int
    before: str
    after: str


def word_count(text: str) -> int:
    """Words of a text; a letter of a script that writes without blanks counts for one, with its vowels and marks."""
    return len(text.split()) if text.isascii() else len(_WORD.findall(text))


class _Outline:
    """A text with its headings and blocks, each found once."""

    def __init__(self, document: Document, limit: int) -> None:
        self.text = document.text
        self.limit = limit
        self.headings = _headings(self.text, is_plain=_is_plain(document))
        self._starts = [heading.start for heading in self.headings]

    @cached_property
    def paths(self) -> list[tuple[str, ...]]:
        """For each heading the titles from the outermost heading above it to its own."""
        path: list[_Heading] = []
        paths = []
        for heading in self.headings:
            path = [*(one for one in path if one.level < heading.level), heading]
            paths.append(tuple(one.title for one in path))
        return paths

    @cached_property
    def _blocks(self) -> list[_Block]:
        """Fences and tables in their order, those alone whose marks are short enough to be repeated."""
        most = self.limit * _MAX_REPEATED_SHARE
        return [one for one in _blocks(self.text) if word_count(one.before) + word_count(one.after) <= most]

    @cached_property
    def _block_starts(self) -> list[int]:
        return [block.start for block in self._blocks]

    @cached_property
    def above_chapters(self) -> int:
        """1 where all stands under one heading, the title of the document; else 0."""
        outermost = min((heading.level for heading in self.headings), default=0)
        tops = [heading for heading in self.headings if heading.level == outermost]
        return int(len(tops) == 1 and len(self.headings) > 1 and self.headings[0] is tops[0])

    def piece(self, start: int, end: int) -> _Piece:
        """A stretch, under the headings that hold where its words begin."""
        stretch = self.text[start:end]
        place = bisect_right(self._starts, start + len(stretch) - len(stretch.lstrip())) - 1
        return _Piece(start, end, self.paths[place] if place >= 0 else (), word_count(stretch))

    def block_at(self, place: int) -> _Block | None:
        """The block that is cut where the text is cut at a place."""
        number = bisect_left(self._block_starts, place) - 1
        block = self._blocks[number] if number >= 0 else None
        return block if block and block.inside <= place < min(block.end, len(self.text)) else None

    def marks(self, start: int, end: int) -> tuple[str, str]:
        """What a stretch begins and ends with besides its own text, because a block is cut there."""
        first, last = self.block_at(start), self.block_at(end)
        return first.before if first else "", last.after if last else ""

    def repeated_words(self, start: int, end: int) -> int:
        """How many words at most are added to a stretch, wherever it is cut."""
        held = self.blocks_within(start, end)
        return max((word_count(one.before) + word_count(one.after) for one in held), default=0)

    def blocks_within(self, start: int, end: int) -> Iterator[_Block]:
        """The blocks that begin within a stretch, and the one that it begins in."""
        first = max(bisect_left(self._block_starts, start) - 1, 0)
        for number in range(first, bisect_left(self._block_starts, end)):
            if self._blocks[number].end > start:
                yield self._blocks[number]

    def part_text(self, piece: _Piece) -> str:
        """The text of a piece, with the marks of the blocks that were cut at its sides."""
        start, text = piece.start, self.text[piece.start : piece.end].rstrip()
        if start == 0 or self.text[start - 1] == "\n":
            # Blanks before the first line are its indent.
            blank = len(text) - len(text.lstrip())
            text = text[text.rfind("\n", 0, blank) + 1 :]
        else:
            text = text.lstrip()
        before, after = self.marks(start, piece.end)
        return before + text + after


def split(document: Document, settings: DocumentsSettings) -> Iterator[Document]:
    """The parts of a document in their order, or the document where it stays whole.

    Code that is cut within its fences gets their marks in each part, and a table its head, so that these lines stand
    more than once.

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
    outline = _Outline(document, settings.part_words)
    pieces = list(_pieces(document, settings, outline))
    if len(pieces) < 2:
        yield whole
        return
    for number, piece in enumerate(pieces, start=1):
        yield _part(document, piece, number, outline)


def _pieces(document: Document, settings: DocumentsSettings, outline: _Outline) -> Iterator[_Piece]:
    text, limit = document.text, settings.part_words
    how = settings.split
    if how == "auto":
        how = "sections" if len(outline.headings) > 1 else "pages" if len(document.page_starts) > 1 else "words"
    if how == "sections":
        sections = _joined(_sections(outline), limit, outline.above_chapters)
        found = _without_few_words(sections, limit)
    elif how == "pages" and document.page_starts:
        pages = pairwise([*document.page_starts, len(text)])
        found = _joined_pages([outline.piece(start, end) for start, end in pages], limit)
    else:
        found = [outline.piece(0, len(text))]
    for piece in found:
        if piece.words + sum(map(word_count, outline.marks(piece.start, piece.end))) > limit:
            yield from _cut(outline, piece)
        elif piece.words:
            yield piece


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """The lines of a text: where each begins, and the mark of the fence that was opened above it and is still open."""
    start, fence = 0, ""
    for line in text.split("\n"):
        yield start, line, fence
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark.group(1)
        elif mark and mark.group(1).startswith(fence) and not line[mark.end() :].strip():
            fence = ""
        start += len(line) + 1


def _is_plain(document: Document) -> bool:
    """Whether a document is a file of plain text or of settings."""
    name = document.position.source if document.position else document.id
    endings = [ending for ending in name.rpartition("/")[2].lower().split(".")[1:] if ending not in _PACKED]
    return bool(endings) and endings[-1] in _PLAIN_ENDINGS


def _headings(text: str, *, is_plain: bool) -> list[_Heading]:
    """The headings of a text; in plain text those alone that stand between blank lines, for others are comments."""
    found = []
    for start, line, fence in _lines(text):
        if fence or not line.startswith("#") or len(line) > _LONGEST_TITLE or not (heading := _HEADING.match(line)):
            continue
        end = start + len(line)
        is_alone = text[max(start - 2, 0) : start] in ("", "\n", "\n\n") and text[end : end + 2] in ("", "\n", "\n\n")
        if is_alone or not is_plain:
            found.append(_Heading(start, len(heading.group(1)), heading.group(2)))
    return found


def _blocks(text: str) -> Iterator[_Block]:
    """The fences and the tables of a text in their order; a fence without an end goes on to the end of the text."""
    opened: tuple[int, str, str] | None = None
    table: tuple[int, int, str] | None = None
    before = ""
    for start, line, fence in _lines(text):
        if opened and not fence:
            yield _fence_block(opened, start)
            opened = None
        if table and (fence or "|" not in line):
            yield _Block(table[0], table[1], start, table[2], "")
            table = None
        if not fence and (mark := _FENCE.match(line)):
            opened = start, line, mark.group(1)
        elif not fence and not table and "|" in before and "|" in line and _TABLE_RULE.match(line.strip()):
            table = start - len(before) - 1, start + len(line) + 1, f"{before}\n{line}\n"
        before = "" if fence else line
    if opened:
        yield _fence_block(opened, len(text))
    if table:
        yield _Block(table[0], table[1], len(text), table[2], "")


def _fence_block(opened: tuple[int, str, str], end: int) -> _Block:
    start, line, mark = opened
    return _Block(start, start + len(line) + 1, end, f"{line}\n", f"\n{line[: len(line) - len(line.lstrip())]}{mark}")


def _sections(outline: _Outline) -> list[_Piece]:
    starts = [0, *(heading.start for heading in outline.headings if heading.start > 0), len(outline.text)]
    paths = dict(zip((heading.start for heading in outline.headings), outline.paths, strict=True))
    return [
        _Piece(start, end, paths.get(start, ()), word_count(outline.text[start:end])) for start, end in pairwise(starts)
    ]


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


def _without_few_words(parts: list[_Piece], limit: int) -> list[_Piece]:
    """Parts of few words joined to what follows them, as the title of a chapter or an entry of a glossary.

    What gets longer than the limit by that is cut later. Entries are gathered until a part is no longer small.
    """
    joined: list[_Piece] = []
    for number, part in enumerate(parts):
        last = joined[-1] if joined else None
        is_entry = part.words < _FEW_WORDS and last is not None and last.words < _SMALL_WORDS
        is_end = number == len(parts) - 1 and part.words < _FEW_WORDS
        if last is not None and (last.words < _FEW_WORDS or is_entry or is_end):
            few = [one.words < _FEW_WORDS for one in (last, part)]
            common = _common(last.headings, part.headings)
            headings = common if few[0] == few[1] else part.headings if few[0] else last.headings
            joined[-1] = _Piece(last.start, part.end, headings, last.words + part.words)
        else:
            joined.append(part)
    return joined


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


def _cut(outline: _Outline, piece: _Piece) -> Iterator[_Piece]:
    """A stretch cut between paragraphs, where those are too long between sentences, else between words."""
    limit = outline.limit - outline.repeated_words(piece.start, piece.end)
    parts = -(-piece.words // limit)
    wanted = -(-piece.words // parts)
    start, words = piece.start, 0
    # A title of few words fits before each of these stretches.
    for begin, end in _atoms(outline, piece.start, piece.end, max(limit - _FEW_WORDS, limit // 2)):
        count = word_count(outline.text[begin:end])
        if words and (words + count > limit or words >= wanted):
            yield outline.piece(start, begin)
            start, words = begin, 0
        words += count
    if words:
        yield outline.piece(start, piece.end)


def _atoms(outline: _Outline, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Paragraphs, fences whole.

    Of what is over the limit: of code its stretches between blank lines, of tables the rows, of prose the sentences,
    with formulas whole; of each of these that is over the limit its lines or words.
    """
    text = outline.text
    for begin, stop in _paragraphs(text, start, end):
        if word_count(text[begin:stop]) <= limit:
            yield begin, stop
            continue
        place = begin
        for block in outline.blocks_within(begin, stop):
            first, last = max(block.start, begin), min(block.end, stop)
            yield from _finer(text, (place, first), _PROSE, limit, _formulas(text, place, first, limit))
            yield from _of_block(text, block, first, last, limit)
            place = last
        yield from _finer(text, (place, stop), _PROSE, limit, _formulas(text, place, stop, limit))


_PROSE = (_SENTENCE_END, _BLANKS)
_LINES = (_BEFORE_DEFINITION, _BLANK_LINES, _LINE_END, _BLANKS)


def _of_block(text: str, block: _Block, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Stretches of a block; no cut parts its first lines from all others, or the closing mark of a fence."""
    bounds = [begin for begin, _ in _finer(text, (start, end), _LINES, limit, ())][1:]
    last = text.rfind("\n", start, end - 1) + 1
    if end < block.end or not (block.after and _FENCE.match(text[last:end].rstrip())):
        last = end
    yield from pairwise([start, *(place for place in bounds if block.inside < place < last), end])


def _finer(
    text: str,
    stretch: tuple[int, int],
    patterns: Sequence[re.Pattern[str]],
    limit: int,
    whole: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int]]:
    """A stretch cut after what matches the first pattern; what is too long even so, by the next; at last by words."""
    start, end = stretch
    if start >= end:
        return
    if word_count(text[start:end]) <= limit:
        yield stretch
    elif patterns:
        for finer in _between(patterns[0], text, start, end, whole):
            yield from _finer(text, finer, patterns[1:], limit, whole)
    else:
        yield from _runs_of_words(text, start, end, limit)


def _formulas(text: str, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """Where the formulas of a stretch begin and end, in their order, without those of more words than the limit."""
    found = []
    place = start
    while opening := _FORMULA_START.search(text, place, end):
        mark, name = opening.group(0), opening.group(1)
        closing = f"\\end{{{name}}}" if name else _FORMULA_ENDS.get(mark, mark)
        stop = text.find(closing, opening.end(), min(end, opening.end() + _LONGEST_FORMULA))
        is_blank_before = mark == "$" and stop > 0 and text[stop - 1].isspace()
        if stop < 0 or is_blank_before:
            place = opening.end()
            continue
        place = stop + len(closing)
        if word_count(text[opening.start() : place]) <= limit:
            found.append((opening.start(), place))
    return found


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    was_blank = False
    for offset, line, fence in _lines(text[start:end]):
        if was_blank and line.strip() and not fence:
            yield begin, start + offset
            begin = start + offset
        was_blank = not line.strip()
    yield begin, end


def _between(
    pattern: re.Pattern[str], text: str, start: int, end: int, whole: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """A stretch cut after each match that is not within one of the stretches that stay whole, which are in order."""
    begin, number = start, 0
    for found in pattern.finditer(text, start, end):
        while number < len(whole) and whole[number][1] <= found.end():
            number += 1
        is_within = number < len(whole) and whole[number][0] < found.end()
        if found.end() > begin and not is_within:
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


def _part(document: Document, piece: _Piece, number: int, outline: _Outline) -> Document:
    own = piece.headings[-1] if piece.headings else ""
    chapter = next(iter(piece.headings[outline.above_chapters :]), "")
    has_better_topic = document.topics_are_guessed and chapter
    metadata = {"document_title": document.title, **document.metadata} if document.title else document.metadata
    return replace(
        document,
        id=f"{document.id}#{number}",
        text=outline.part_text(piece),
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
