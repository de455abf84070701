"""Split long documents into parts, by headings, pages or words.

Concepts that share a section are related; concepts that only share a book of 400 pages need not be. A part keeps the id
of its document, its pages, and the headings above it. When a code block or a table is cut, each part repeats the fences
or the table's header.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from kgsynth.records import Document
from kgsynth.scripts import MARKS, UNSPACED
from kgsynth.settings import DocumentsSettings

_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*?)[ \t#]*$")
# The opening of a fence. An info string after backticks must not contain a backtick.
_FENCE = re.compile(r"[ \t]{0,12}(`{3,}(?=[^`]*$)|~{3,})")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$")
# A word; or, in scripts without spaces between words, a letter with its vowels and marks.
_LETTER = f"[{UNSPACED}][{MARKS}\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6]*"
_VOWEL_BEFORE = "[\u0e40-\u0e44\u0ec0-\u0ec4]"
_STACKED = f"(?:(?<=[\u17d2\u1039]){_LETTER}|[{UNSPACED}](?=\u103a)[{MARKS}]*)"
# Signs between words in Tibetan and Ethiopic.
_WORD_SIGNS = "\u0f0b-\u0f0e\u1361"
_WORD = re.compile(f"{_VOWEL_BEFORE}?{_LETTER}{_STACKED}*|[^\\s{UNSPACED}{_WORD_SIGNS}]+")
# A part has at most this number of characters per word of its limit. Prose has 5 to 8, code and formulas up to 15.
_CHARS_PER_WORD = 20
_SENTENCE_END = re.compile(r"(?<=[.!?…؟۔।॥։။៕])[\"'”’»)\]]*[ \t\n]+|(?<=[。！？｡．།༎።])[」』）”’》〉】]*|\n")
_LINE_END = re.compile(r"\n")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+")
# A line without indentation begins a new function or statement.
_BEFORE_DEFINITION = re.compile(r"\n(?:[ \t]*\n)+(?=[^\s)}\]])")
_BLANKS = re.compile(r"\s+")
# Signs after which a long text without spaces is cut, such as code without spaces.
_SIGNS = (re.compile(r"[;}]+"), re.compile(r"[,)\]་]+"))
_FORMULA_START = re.compile(r"(?<!\\)(?:\$\$|\$(?=[^\s$])|\\\[|\\\(|\\begin\{([A-Za-z]+\*?)\})")
_FORMULA_ENDS = {"\\[": "\\]", "\\(": "\\)"}
# The end of a formula is searched within this number of characters.
_LONGEST_FORMULA = 3000
_LONGEST_TITLE = 200
_BETWEEN_HEADINGS = " > "
# A section of fewer words is joined to its neighbour in the same chapter if the two fit into one part.
_SMALL_WORDS = 120
# A part of fewer words is joined to the next part of any chapter.
_FEW_WORDS = 20
# Fences and table headers are repeated only up to this share of a part.
_MAX_REPEATED_SHARE = 0.25
# File extensions with which a line that begins with # is more often a comment than a heading.
_PLAIN_ENDINGS = frozenset("txt text log yaml yml toml ini cfg conf properties env list".split())
_PACKED = frozenset({"gz", "bz2", "xz", "zst"})


class _Piece(NamedTuple):
    """A stretch of a text with the headings above it, outermost first."""

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
    """Lines that need a frame to be understood: the code within fences, or the rows of a table.

    `start` and `end` include the opening and the closing fence or the table's header. `inside` is the index after the
    opening. If the text is cut within the block, the next part begins with `before` and the previous part ends with
    `after`.
    """

    start: int
    inside: int
    end: int
    before: str
    after: str


def word_count(text: str) -> int:
    """Count the words of a text; in scripts without spaces each letter with its vowels and marks counts as a word."""
    return len(text.split()) if text.isascii() else len(_WORD.findall(text))


def _size(text: str) -> int:
    """Return the number of words, or of stretches of `_CHARS_PER_WORD` characters if that is larger."""
    return max(word_count(text), -(-len(text.strip()) // _CHARS_PER_WORD))


class _Outline:
    """A text with its headings and blocks."""

    def __init__(self, document: Document, limit: int) -> None:
        self.text = document.text
        self.limit = limit
        self.headings = _headings(self.text, is_plain=_is_plain(document))
        self._starts = [heading.start for heading in self.headings]

    @cached_property
    def paths(self) -> list[tuple[str, ...]]:
        """The path of each heading: titles from the outermost heading above it to its own."""
        path: list[_Heading] = []
        paths = []
        for heading in self.headings:
            path = [*(ancestor for ancestor in path if ancestor.level < heading.level), heading]
            paths.append(tuple(ancestor.title for ancestor in path))
        return paths

    @cached_property
    def _blocks(self) -> list[_Block]:
        """Fences and tables in their order, without those whose repeated lines would be too long."""
        max_words = self.limit * _MAX_REPEATED_SHARE
        return [block for block in _blocks(self.text) if _size(block.before) + _size(block.after) <= max_words]

    @cached_property
    def _block_starts(self) -> list[int]:
        return [block.start for block in self._blocks]

    @cached_property
    def above_chapters(self) -> int:
        """1 if a single heading, the document's title, is above all others; else 0."""
        outermost = min((heading.level for heading in self.headings), default=0)
        tops = [heading for heading in self.headings if heading.level == outermost]
        return int(len(tops) == 1 and len(self.headings) > 1 and self.headings[0] is tops[0])

    def piece(self, start: int, end: int) -> _Piece:
        """Return a stretch with the headings above its first word."""
        stretch = self.text[start:end]
        index = bisect_right(self._starts, start + len(stretch) - len(stretch.lstrip())) - 1
        return _Piece(start, end, self.paths[index] if index >= 0 else (), _size(stretch))

    def block_at(self, offset: int) -> _Block | None:
        """Return the block that a cut at an offset of the text would divide, or None."""
        index = bisect_left(self._block_starts, offset) - 1
        block = self._blocks[index] if index >= 0 else None
        return block if block and block.inside <= offset < min(block.end, len(self.text)) else None

    def marks(self, start: int, end: int) -> tuple[str, str]:
        """Return the lines to add before and after a stretch because a block is cut at its start or end."""
        first_block, last_block = self.block_at(start), self.block_at(end)
        return first_block.before if first_block else "", last_block.after if last_block else ""

    def repeated_words(self, start: int, end: int) -> int:
        """Return the maximum number of words that a cut within a stretch adds to a part."""
        blocks = self.blocks_within(start, end)
        return max((_size(block.before) + _size(block.after) for block in blocks), default=0)

    def blocks_within(self, start: int, end: int) -> Iterator[_Block]:
        """Yield the blocks that overlap a stretch."""
        first = max(bisect_left(self._block_starts, start) - 1, 0)
        for index in range(first, bisect_left(self._block_starts, end)):
            if self._blocks[index].end > start:
                yield self._blocks[index]

    def part_text(self, piece: _Piece) -> str:
        """Return the text of a piece, with the repeated lines of blocks that are cut at its start or end."""
        start, text = piece.start, self.text[piece.start : piece.end].rstrip()
        if start == 0 or self.text[start - 1] == "\n":
            # Spaces before the first line are its indentation.
            blank_length = len(text) - len(text.lstrip())
            text = text[text.rfind("\n", 0, blank_length) + 1 :]
        else:
            text = text.lstrip()
        before, after = self.marks(start, piece.end)
        return before + text + after


def split(document: Document, settings: DocumentsSettings) -> Iterator[Document]:
    """Yield the parts of a document in their order, or the document itself if it is not split.

    Each part of a cut code block repeats the fences, and each part of a cut table repeats the header. These lines
    therefore occur more than once.

    Args:
        document: a document; `page_starts` has the offsets of its pages, if it has any.
        settings: `split` is the method; documents up to `whole_words` words are not split; `part_words` is the maximum
            number of words per part.
    """
    whole = replace(document, page_starts=()) if document.page_starts else document
    if settings.split == "none" or document.parent:
        yield whole
        return
    # The number of characters bounds the number of words and is cheaper to compute.
    is_short = len(document.text) <= settings.whole_words or _size(document.text) <= settings.whole_words
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
    method = settings.split
    if method == "auto":
        method = "sections" if len(outline.headings) > 1 else "pages" if len(document.page_starts) > 1 else "words"
    if method == "sections":
        sections = _joined(_sections(outline), limit, outline.above_chapters)
        pieces = _without_few_words(sections, limit)
    elif method == "pages" and document.page_starts:
        pages = pairwise([*document.page_starts, len(text)])
        pieces = _joined_pages([outline.piece(start, end) for start, end in pages], limit)
    else:
        pieces = [outline.piece(0, len(text))]
    for piece in pieces:
        if piece.words + sum(map(_size, outline.marks(piece.start, piece.end))) > limit:
            yield from _cut(outline, piece)
        elif piece.words:
            yield piece


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield each line of a text with its offset and with the mark of the fence that is open above it."""
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
    """Return whether a document is a file of plain text or settings, by its file extension."""
    name = document.position.source if document.position else document.id
    endings = [ending for ending in name.rpartition("/")[2].lower().split(".")[1:] if ending not in _PACKED]
    return bool(endings) and endings[-1] in _PLAIN_ENDINGS


def _headings(text: str, *, is_plain: bool) -> list[_Heading]:
    """Return the headings of a text; in plain text only those between blank lines, because others are comments."""
    headings = []
    for start, line, fence in _lines(text):
        if fence or not line.startswith("#") or len(line) > _LONGEST_TITLE or not (heading := _HEADING.match(line)):
            continue
        end = start + len(line)
        is_alone = text[max(start - 2, 0) : start] in ("", "\n", "\n\n") and text[end : end + 2] in ("", "\n", "\n\n")
        if is_alone or not is_plain:
            headings.append(_Heading(start, len(heading.group(1)), heading.group(2)))
    return headings


def _blocks(text: str) -> Iterator[_Block]:
    """Yield the fences and tables of a text in their order; an unclosed fence extends to the end of the text."""
    opened: tuple[int, str, str] | None = None
    table: tuple[int, int, str] | None = None
    previous = ""
    for start, line, fence in _lines(text):
        if opened and not fence:
            yield _fence_block(opened, start)
            opened = None
        if table and (fence or "|" not in line):
            yield _Block(table[0], table[1], start, table[2], "")
            table = None
        if not fence and (mark := _FENCE.match(line)):
            opened = start, line, mark.group(1)
        elif not fence and not table and "|" in previous and "|" in line and _TABLE_RULE.match(line.strip()):
            table = start - len(previous) - 1, start + len(line) + 1, f"{previous}\n{line}\n"
        previous = "" if fence else line
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
    return [_Piece(start, end, paths.get(start, ()), _size(outline.text[start:end])) for start, end in pairwise(starts)]


def _joined(sections: list[_Piece], limit: int, above_chapters: int) -> list[_Piece]:
    """Join sections of a chapter to the sections before them, up to the limit in words.

    A section and its subsections become one part if they fit. Neighbours are joined if one of them is small.
    """
    parts: list[_Piece] = []
    for section in sections:
        last = parts[-1] if parts else None
        if last is not None and last.words + section.words <= limit and _may_join(last, section, above_chapters):
            is_title = len(last.headings) <= above_chapters
            headings = section.headings if is_title else _common_prefix(last.headings, section.headings)
            parts[-1] = _Piece(last.start, section.end, headings, last.words + section.words)
        else:
            parts.append(section)
    return parts


def _may_join(last: _Piece, section: _Piece, above_chapters: int) -> bool:
    if len(last.headings) <= above_chapters:
        # The text before the first chapter is a part of its own, unless it is little more than the title.
        return last.words < _FEW_WORDS
    common = _common_prefix(last.headings, section.headings)
    if common == last.headings:
        return True
    return len(common) > above_chapters and min(last.words, section.words) < _SMALL_WORDS


def _without_few_words(parts: list[_Piece], limit: int) -> list[_Piece]:
    """Join parts of few words, for example chapter titles and glossary entries, to the parts that follow them.

    Short entries are gathered until a part is no longer small. A part that exceeds the limit is cut later.
    """
    joined: list[_Piece] = []
    for index, part in enumerate(parts):
        last = joined[-1] if joined else None
        is_entry = part.words < _FEW_WORDS and last is not None and last.words < _SMALL_WORDS
        is_end = index == len(parts) - 1 and part.words < _FEW_WORDS
        if last is not None and (last.words < _FEW_WORDS or is_entry or is_end):
            have_few_words = [neighbour.words < _FEW_WORDS for neighbour in (last, part)]
            common = _common_prefix(last.headings, part.headings)
            headings = (
                common
                if have_few_words[0] == have_few_words[1]
                else part.headings
                if have_few_words[0]
                else last.headings
            )
            joined[-1] = _Piece(last.start, part.end, headings, last.words + part.words)
        else:
            joined.append(part)
    return joined


def _common_prefix(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    for first_title, second_title in zip(first, second, strict=False):
        if first_title != second_title:
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
    """Cut a piece between paragraphs; cut paragraphs that are too long between sentences, else between words."""
    limit = outline.limit - outline.repeated_words(piece.start, piece.end)
    part_count = -(-piece.words // limit)
    target_words = -(-piece.words // part_count)
    start, words = piece.start, 0
    # The limit leaves room for a short title in front of each stretch.
    for begin, end in _smallest_stretches(outline, piece.start, piece.end, max(limit - _FEW_WORDS, limit // 2)):
        count = _size(outline.text[begin:end])
        if words and (words + count > limit or words >= target_words):
            yield outline.piece(start, begin)
            start, words = begin, 0
        words += count
    if words:
        yield outline.piece(start, piece.end)


def _smallest_stretches(outline: _Outline, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches between which a text may be cut: paragraphs and whole fences.

    Those over the limit in words are divided further: code at blank lines, tables into rows, prose into sentences with
    whole formulas, and what is still too long into lines or words.
    """
    text = outline.text
    for begin, stop in _paragraphs(text, start, end):
        if _size(text[begin:stop]) <= limit:
            yield begin, stop
            continue
        offset = begin
        for block in outline.blocks_within(begin, stop):
            first, last = max(block.start, begin), min(block.end, stop)
            yield from _refined_stretches(text, (offset, first), _PROSE, limit, _formulas(text, offset, first, limit))
            yield from _block_stretches(text, block, first, last, limit)
            offset = last
        yield from _refined_stretches(text, (offset, stop), _PROSE, limit, _formulas(text, offset, stop, limit))


_PROSE = (_SENTENCE_END, _BLANKS, *_SIGNS)
_LINES = (_BEFORE_DEFINITION, _BLANK_LINES, _LINE_END, _BLANKS, *_SIGNS)


def _block_stretches(text: str, block: _Block, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield stretches of a block; its opening lines and its closing fence are not cut off."""
    bounds = [begin for begin, _ in _refined_stretches(text, (start, end), _LINES, limit, ())][1:]
    last = text.rfind("\n", start, end - 1) + 1
    if end < block.end or not (block.after and _FENCE.match(text[last:end].rstrip())):
        last = end
    yield from pairwise([start, *(bound for bound in bounds if block.inside < bound < last), end])


def _refined_stretches(
    text: str,
    stretch: tuple[int, int],
    patterns: Sequence[re.Pattern[str]],
    limit: int,
    whole: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, int]]:
    """Cut a stretch after matches of the first pattern; cut what exceeds the limit by later patterns, then by words."""
    start, end = stretch
    if start >= end:
        return
    if _size(text[start:end]) <= limit:
        yield stretch
    elif patterns:
        for substretch in _between(patterns[0], text, start, end, whole):
            yield from _refined_stretches(text, substretch, patterns[1:], limit, whole)
    else:
        yield from _runs_of_words(text, start, end, limit)


def _formulas(text: str, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """Return start and end of the formulas of a stretch in their order, without formulas over the limit in words."""
    formulas = []
    offset = start
    while opening := _FORMULA_START.search(text, offset, end):
        mark, name = opening.group(0), opening.group(1)
        closing = f"\\end{{{name}}}" if name else _FORMULA_ENDS.get(mark, mark)
        stop = text.find(closing, opening.end(), min(end, opening.end() + _LONGEST_FORMULA))
        is_blank_before = mark == "$" and stop > 0 and text[stop - 1].isspace()
        if stop < 0 or is_blank_before:
            offset = opening.end()
            continue
        offset = stop + len(closing)
        if _size(text[opening.start() : offset]) <= limit:
            formulas.append((opening.start(), offset))
    return formulas


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
    """Cut a stretch after each match outside the stretches that must stay whole, which are in their order."""
    begin, index = start, 0
    for match in pattern.finditer(text, start, end):
        while index < len(whole) and whole[index][1] <= match.end():
            index += 1
        is_within = index < len(whole) and whole[index][0] < match.end()
        if match.end() > begin and not is_within:
            yield begin, match.end()
            begin = match.end()
    if begin < end:
        yield begin, end


def _runs_of_words(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut a stretch after each `limit` words, and within words that are too long."""
    begin, words = start, 0
    max_chars = limit * _CHARS_PER_WORD
    for word in _WORD.finditer(text, start, end):
        words += 1
        while word.end() - begin > max_chars:
            stop = word.start() if word.start() > begin else _before_letter(text, begin + max_chars, word.end())
            yield begin, stop
            begin, words = stop, 1
        if words == limit:
            yield begin, word.end()
            begin, words = word.end(), 0
    if begin < end:
        yield begin, end


def _before_letter(text: str, offset: int, end: int) -> int:
    """Return the first offset from `offset` on that is not within a letter and its marks."""
    while offset < end and unicodedata.category(text[offset])[0] == "M":
        offset += 1
    return offset


def _part(document: Document, piece: _Piece, number: int, outline: _Outline) -> Document:
    own_heading = piece.headings[-1] if piece.headings else ""
    chapter = next(iter(piece.headings[outline.above_chapters :]), "")
    has_better_topic = document.topics_are_guessed and chapter
    metadata = {"document_title": document.title, **document.metadata} if document.title else document.metadata
    return replace(
        document,
        id=f"{document.id}#{number}",
        text=outline.part_text(piece),
        title=own_heading or document.title,
        topics=(chapter,) if has_better_topic else document.topics,
        parent=document.id,
        pages=_pages(document, piece),
        section=_BETWEEN_HEADINGS.join(piece.headings),
        metadata=metadata,
        page_starts=(),
    )


def _pages(document: Document, piece: _Piece) -> str:
    """Return the pages of a part, "12" or "12-15"; empty for a document without pages."""
    if not document.page_starts:
        return ""
    text = document.text[piece.start : piece.end]
    first = piece.start + len(text) - len(text.lstrip())
    last = piece.start + len(text.rstrip()) - 1
    begin = max(bisect_right(document.page_starts, first), 1)
    end = max(bisect_right(document.page_starts, last), begin)
    return str(begin) if begin == end else f"{begin}-{end}"
