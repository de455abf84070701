"""The lines of a PDF as Markdown: headings, paragraphs, lists, code and tables."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from kgsynth_loaders.readers.pdf_line import SURE_GAP, Cell, Line
from kgsynth_loaders.readers.pdf_running import PageLines, without_running_lines

_BULLET = re.compile(r"[•‣▪–—·◦●○■□➢✓∗*\-\u2043\uf0b7\u25aa\u25ab](?:\s+|\Z)")
_NUMBERED = re.compile(r"(?:\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)]|\[\d{1,3}\])(?:\s+|\Z)")
_LEADERS = re.compile(r"(?:\s?[.·…]){4,}\s?")
_NUMBER = re.compile(r"[-+−±~<>(]{0,2}[\d.,]{1,30}(?:[eE][-+]?\d{1,4})?[%)*]{0,2}")
_EQUATION_NUMBER = re.compile(r"\([A-Z]?\.?\d{1,3}(?:[.\-–]\d{1,3})*[a-z]?\)\Z")
_SENTENCE_END = (".", "!", "?", ":", ";", "。", "!", "?", "”", '"', ")")
_LAST_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*\Z")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_NOT_IN_TITLES = re.compile(r"[\W_]+")
_SECTION_NUMBER = re.compile(
    r"\A(?:chapter|part|appendix|section|§)?\s*(?:\d{1,3}(?:\.\d{1,3}){0,5}|[IVX]{1,5}|[A-Z](?:\.\d{1,3}){0,5})[.:)]?\s+",
    re.IGNORECASE,
)
_CJK = re.compile("[\u2e80-\u9fff\uff00-\uffef]")
_HEADING_SIZE = 1.12
_LONGEST_HEADING = 200
_LONGEST_BOLD_HEADING = 100
_MAX_HEADING_LINES = 4
# Where more of a document is in fonts of fixed pitch, code is known by its signs on so many lines.
_MAX_FIXED_SHARE = 0.6
_MIN_CODE_SHARE = 0.3
_CODE_SIGN = re.compile(r"[{}=;<>\\\[\]]|\w\(|^\s*(?:def|class|import|from|return|else|try|end)\b|^\s*(?:#|//|/\*|\$ )")
_CODE_START = re.compile(r"(?:def|class|import|from|return|for|while|if|else|try)\b.*(?:[:;(){}]|\bimport\b)")
_MAX_BLANK_LINES = 2
# A line that ends before this share of its column ends a paragraph, where a new one may begin.
_SHORT_LINE = 0.5
_SHORT_CHARS = 40


class OutlineEntry(NamedTuple):
    """A bookmark: its title, its level from 0, and the page it points to, from 0 (-1: unknown)."""

    title: str
    level: int
    page: int


@dataclass(slots=True)
class _Block:
    """A run of lines that are one paragraph, heading (`level` over 0), piece of code, or table."""

    kind: str
    lines: list[Line] = field(default_factory=list)
    level: int = 0


@dataclass(slots=True)
class _Style:
    """What most lines of a document look like."""

    size: float
    leading: float  # between base lines, in ems
    has_code: bool
    levels: dict[float, int] = field(default_factory=dict)
    bold_is_heading: bool = True


def markdown(pages: list[PageLines], outline: Sequence[OutlineEntry]) -> tuple[str, tuple[int, ...]]:
    """The text of all pages, and where in it each page begins.

    Args:
        pages: their lines.
        outline: the bookmarks of the document; their titles are headings.
    """
    kept = without_running_lines(pages)
    style = _style(kept)
    titles = _Titles(outline)
    blocks = [_blocks(lines, style, titles, number) for number, lines in enumerate(kept)]
    _set_levels(blocks, style)
    words = _Words(kept)
    return _joined_pages([[_written(block, words, style) for block in of_page] for of_page in blocks], blocks, words)


def _style(pages: list[list[Line]]) -> _Style:
    sizes: Counter[float] = Counter()
    fixed = total = bold = 0
    for lines in pages:
        for line in lines:
            length = len(line.text)
            total += length
            if line.code:
                fixed += length
            else:
                sizes[round(line.size * 2) / 2] += length
                bold += length if line.is_bold else 0
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    gaps: Counter[float] = Counter()
    for lines in pages:
        for before, line in pairwise(lines):
            if abs(line.size - size) < 0.6 and 0.8 * size < before.y - line.y < 3 * size:
                gaps[round((before.y - line.y) / size, 1)] += 1
    # The least distance that many lines have: paragraphs of one line each may stand further apart.
    common = [gap for gap, count in gaps.items() if count >= 0.25 * max(gaps.values())]
    style = _Style(size, min(common, default=1.2), fixed < _MAX_FIXED_SHARE * total)
    style.bold_is_heading = bold < 0.3 * total
    return style


# --- Headings


class _Titles:
    """The titles of the outline, page by page."""

    def __init__(self, outline: Sequence[OutlineEntry]) -> None:
        self._pages: dict[int, dict[str, tuple[int, bool]]] = {}
        for entry in outline:
            for title in (entry.title, _SECTION_NUMBER.sub("", entry.title, count=1)):
                if key := _as_title(title):
                    for page in (entry.page, entry.page + 1):
                        of_page = self._pages.setdefault(page, {})
                        of_page.setdefault(key, (entry.level + 1, title == entry.title))

    def may_begin(self, text: str, page: int) -> bool:
        """Whether a title on a page begins with a text."""
        of_page = self._pages.get(page)
        if not of_page or len(text) > _LONGEST_HEADING:
            return False
        keys = tuple(_as_title(one) for one in (text, _SECTION_NUMBER.sub("", text, count=1)))
        return any(title.startswith(keys) for title in of_page)

    def level(self, text: str, page: int, *, is_whole: bool = False) -> int:
        """The level of a text that is a title on a page, from 1; 0 where it is none.

        Args:
            text: of one line or several.
            page: from 0.
            is_whole: titles count only with the number that the outline gives them.
        """
        of_page = self._pages.get(page)
        if not of_page or len(text) > _LONGEST_HEADING:
            return 0
        level, is_title = of_page.get(_as_title(text), (0, False))
        if is_whole:
            return level if is_title else 0
        return level or of_page.get(_as_title(_SECTION_NUMBER.sub("", text, count=1)), (0, False))[0]


def _as_title(text: str) -> str:
    return _NOT_IN_TITLES.sub("", text.casefold())


def _heading(lines: list[Line], place: int, style: _Style, titles: _Titles, page: int) -> tuple[int, int]:
    """How many lines from a place on are one heading (0: none), and its level (0: by its size)."""
    line = lines[place]
    is_large = line.size > _HEADING_SIZE * style.size
    stands_out = is_large or (line.is_bold and style.bold_is_heading)
    if line.is_rotated or not (stands_out or titles.may_begin(line.text, page)) or _LEADERS.search(line.text):
        return 0, 0
    stop = place + 1
    while stop < len(lines) and stop - place < _MAX_HEADING_LINES and _goes_on(lines[stop - 1], lines[stop], style):
        stop += 1
    texts = [one.text for one in lines[place:stop]]
    is_plain = not stands_out and (_is_in_a_paragraph(lines, place, style) or texts[0].endswith((",", ".", ";")))
    if not is_plain and not _BULLET.match(texts[0]):
        for count in range(len(texts), 0, -1):
            if level := titles.level(" ".join(texts[:count]), page, is_whole=not stands_out):
                return count, level
    text = " ".join(texts)
    if not stands_out or line.code or len(text) > _LONGEST_HEADING or sum(map(str.isalpha, text)) < 2:
        return 0, 0
    if is_large:
        return stop - place, 0
    return (1, 0) if _is_bold_heading(lines, place, style) else (0, 0)


def _goes_on(before: Line, line: Line, style: _Style) -> bool:
    """Whether a line looks like the one above it, and follows closely."""
    is_like = abs(before.size - line.size) < 0.1 * line.size and before.is_bold == line.is_bold
    return is_like and not line.starts_column and 0 < before.y - line.y < 1.6 * line.size


def _is_in_a_paragraph(lines: list[Line], place: int, style: _Style) -> bool:
    """Whether a line stands close to lines above and below it."""
    line = lines[place]
    if not 0 < place < len(lines) - 1:
        return False
    limit = 1.25 * style.leading * line.size
    return 0 < lines[place - 1].y - line.y < limit and 0 < line.y - lines[place + 1].y < limit


def _is_bold_heading(lines: list[Line], place: int, style: _Style) -> bool:
    line, text = lines[place], lines[place].text
    if not line.is_bold or not style.bold_is_heading or line.size < 0.95 * style.size:
        return False
    if len(text) > _LONGEST_BOLD_HEADING or text.endswith((".", ",", ";", ":")) or len(text) < 3:
        return False
    limit = 1.2 * style.leading * line.size
    has_room = place == 0 or line.starts_column or not -limit < lines[place - 1].y - line.y < limit
    next_line = lines[place + 1] if place + 1 < len(lines) else None
    is_row = len(line.cells) > 1 and next_line is not None and len(next_line.cells) > 1
    return has_room and not is_row and (next_line is None or not next_line.is_bold or next_line.size > 1.05 * line.size)


def _set_levels(blocks: list[list[_Block]], style: _Style) -> None:
    """Give the headings that no bookmark names the level of their size."""
    headings = [block for of_page in blocks for block in of_page if block.kind == "heading"]
    known: dict[float, Counter[int]] = {}
    for block in headings:
        if block.level:
            known.setdefault(_heading_size(block), Counter())[block.level] += 1
    levels = {size: counts.most_common(1)[0][0] for size, counts in known.items()}
    unknown = sorted({_heading_size(block) for block in headings if not block.level} - levels.keys(), reverse=True)
    deepest = max(levels.values(), default=0)
    rank = 0
    for size in unknown:
        if not levels or not known:
            rank += 1
            style.levels[size] = min(rank, 6)
        elif size > max(known):
            style.levels[size] = 1
        else:
            above = [levels[one] for one in known if one > size]
            style.levels[size] = min(6, (max(above) if above else deepest) + 1)
    for block in headings:
        size = _heading_size(block)
        block.level = block.level or levels.get(size) or style.levels.get(size, 6)


def _heading_size(block: _Block) -> float:
    # Bold headings of one size with running text are of another rank.
    return round(max(line.size for line in block.lines) * 2) / 2 + (0.1 if block.lines[0].is_bold else 0)


# --- Blocks


def _blocks(lines: list[Line], style: _Style, titles: _Titles, page: int) -> list[_Block]:
    blocks: list[_Block] = []
    left, right = _columns_of(lines)
    place = 0
    while place < len(lines):
        line = lines[place]
        count, level = _heading(lines, place, style, titles, page)
        if count:
            blocks.append(_Block("heading", lines[place : place + count], level))
        elif count := _count_code(lines, place, left, style, titles, page):
            blocks.append(_Block("code", lines[place : place + count]))
        elif count := _count_rows(lines, place, style):
            blocks.append(_Block("table", lines[place : place + count]))
        elif _LEADERS.search(line.text) or _holds_numbers(line.text):
            count = 1
            blocks.append(_Block("entry", [line]))
        else:
            count = 1
            _add_to_paragraph(blocks, line, (left[place], right[place]), style)
        place += count
    return blocks


def _columns_of(lines: list[Line]) -> tuple[list[float], list[float]]:
    """For each line the left and right end of the column that it stands in."""
    left: list[float] = []
    right: list[float] = []
    start = 0
    for place in range(1, len(lines) + 1):
        if place == len(lines) or lines[place].starts_column:
            column = lines[start:place]
            left += [min(line.x0 for line in column)] * len(column)
            # A few lines may reach further than the others.
            ends = sorted(line.x1 for line in column)
            right += [ends[int(0.85 * (len(ends) - 1))]] * len(column)
            start = place
    return left, right


def _add_to_paragraph(blocks: list[_Block], line: Line, column: tuple[float, float], style: _Style) -> None:
    last = blocks[-1] if blocks else None
    if last is None or last.kind != "text" or _begins_paragraph(last, line, column, style):
        blocks.append(_Block("text", [line]))
    else:
        last.lines.append(line)


def _begins_paragraph(block: _Block, line: Line, column: tuple[float, float], style: _Style) -> bool:
    before = block.lines[-1]
    if before.is_rotated or line.is_rotated:
        return before.is_rotated != line.is_rotated
    text = line.text
    ends = before.text.endswith(_SENTENCE_END)
    if line.starts_column:
        return not (before.is_hyphenated or text[:1].islower()) and (ends or abs(line.size - before.size) > 0.6)
    gap = before.y - line.y - line.rise
    if abs(line.size - before.size) > 0.12 * before.size and len(text) > 2:
        return True
    if gap < -0.3 * line.size or gap > 1.28 * style.leading * max(line.size, before.size):
        return True
    if before.is_hyphenated:
        return False
    if text.startswith("^{"):
        return True
    if _BULLET.match(text) or (_NUMBERED.match(text) and (ends or line.x0 > before.x0 + 0.5 * line.size)):
        return True
    if _is_next_item(block.lines[0], line):
        return True
    return _differs_in_indent(block, line, column, ends)


def _is_next_item(first: Line, line: Line) -> bool:
    """Whether a line has the mark that comes after that of the paragraph above it, at the same place."""
    mark, after = _NUMBERED.match(first.text), _NUMBERED.match(line.text)
    if not mark or not after or abs(first.x0 - line.x0) > 0.5 * line.size:
        return False
    old, new = (found.group().strip(" ()[].") for found in (mark, after))
    if old.isdecimal() and new.isdecimal():
        return int(new) == int(old) + 1
    return len(old) == len(new) == 1 and ord(new) == ord(old) + 1


def _differs_in_indent(block: _Block, line: Line, column: tuple[float, float], ends: bool) -> bool:
    before = block.lines[-1]
    left, right = column
    step = line.x0 - before.x0
    # The next word would have stood on the line above, had the paragraph gone on.
    letter = (before.x1 - before.x0) / max(1, len(before.text))
    word = letter * (1 + len(line.text.partition(" ")[0]))
    is_short = before.x1 + max(1.2 * word, 0.03 * (right - left)) < right
    # Columns beside each other may have been taken for one.
    is_very_short = len(before.text) < _SHORT_CHARS and before.x1 < left + _SHORT_LINE * (right - left)
    ends = ends and before.text[-1] not in ';)"”'
    if _BULLET.match(line.text) or _NUMBERED.match(line.text):
        return abs(step) > 0.5 * line.size or ends or (is_short and is_very_short)
    if step > 0.7 * line.size:
        is_hanging = len(block.lines) == 1 and (_has_mark(before) or not (is_short or ends))
        return not is_hanging
    if step < -0.7 * line.size and len(block.lines) > 1:
        return True
    # Lines of verse and of addresses end early without a sign.
    return is_short and (ends or (is_very_short and not before.is_hyphenated and _begins_line(line.text)))


def _begins_line(text: str) -> bool:
    """Whether a text begins as a sentence does, or as a line of code."""
    return text[:1].isupper() or bool(_CODE_START.match(text))


def _has_mark(line: Line) -> bool:
    return bool(_BULLET.match(line.text) or _NUMBERED.match(line.text))


def _is_code_in_prose(lines: list[Line], place: int, left: list[float], style: _Style) -> bool:
    """Whether a line of fixed pitch goes on with the sentence of the line above it."""
    if not place:
        return False
    before, line = lines[place - 1], lines[place]
    if before.code or before.text.endswith(_SENTENCE_END) or before.starts_column:
        return False
    is_close = 0 < before.y - line.y < 1.15 * style.leading * line.size
    return is_close and abs(line.x0 - left[place]) < 0.5 * line.size and before.x0 <= line.x0 + 3 * line.size


def _count_code(lines: list[Line], place: int, left: list[float], style: _Style, titles: _Titles, page: int) -> int:
    """How many lines from a place on are one piece of code."""
    if not lines[place].code or lines[place].is_rotated or _is_code_in_prose(lines, place, left, style):
        return 0
    stop = place + 1
    while stop < len(lines) and lines[stop].code and not lines[stop].is_rotated:
        gap = lines[stop - 1].y - lines[stop].y
        if not 0 < gap < 4 * style.leading * style.size or titles.level(lines[stop].text, page):
            break
        stop += 1
    if style.has_code:
        return stop - place
    # All is in a font of fixed pitch here.
    signs = sum(_CODE_SIGN.search(line.code) is not None for line in lines[place:stop])
    return stop - place if signs > _MIN_CODE_SHARE * (stop - place) else 0


# --- Tables


def _holds_numbers(text: str) -> bool:
    """Whether a line is a row of numbers, which no paragraph takes in."""
    tokens = text.split(" ", 200)
    return len(tokens) > 2 and sum(_NUMBER.fullmatch(token) is not None for token in tokens) >= 0.7 * len(tokens)


def _count_rows(lines: list[Line], place: int, style: _Style) -> int:
    """How many lines from a place on are rows of one table; 0 where fewer than two have cells at the same places."""
    if not _is_row(lines[place]):
        return 0
    rows, stop = 1, place + 1
    last_row = lines[place]
    while stop < len(lines):
        before, line = lines[stop - 1], lines[stop]
        gap = before.y - line.y - line.rise
        if line.is_rotated or line.starts_column or not 0 < gap < 2.6 * style.leading * line.size:
            break
        if _is_row(line) and _shares_gap(last_row, line):
            rows += 1
            last_row = line
        elif not _goes_on_in_cell(last_row, before, line, style):
            break
        stop += 1
    return stop - place if rows > 1 else 0


def _is_row(line: Line) -> bool:
    if len(line.cells) < 2 or line.is_rotated or _LEADERS.search(line.text):
        return False
    if len(line.cells) > 2 or line.rise:
        return True
    return not (_has_lone_mark(line) or _EQUATION_NUMBER.match(line.cells[1].text))


def _has_lone_mark(line: Line) -> bool:
    """Whether the first of two cells is only the mark of an item."""
    mark, item = line.cells
    if len(mark.text) < 8 and (_BULLET.fullmatch(mark.text) or _NUMBERED.fullmatch(mark.text)):
        return True
    is_number = mark.text.isdecimal() and len(mark.text) < 4
    return is_number and item.text[:1].isalpha() and item.x0 - mark.x1 < 3 * line.size


def _shares_gap(above: Line, line: Line) -> bool:
    """Whether a gap of one row overlaps one of the other, and one of the two is surely a gap between cells."""
    sure = SURE_GAP * line.size
    for (left, right), (other_left, other_right) in _pairs_of_gaps(above, line):
        if min(right, other_right) - max(left, other_left) > 0.3 * line.size:
            is_sure = max(right - left, other_right - other_left) > sure
            if is_sure or len(above.cells) == len(line.cells) > 2 or _are_short(above, line):
                return True
    return False


def _pairs_of_gaps(above: Line, line: Line) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    first, second = _gaps(above), _gaps(line)
    place = 0
    for gap in first:
        while place < len(second) and second[place][1] <= gap[0]:
            place += 1
        if place < len(second):
            yield gap, second[place]


def _gaps(line: Line) -> list[tuple[float, float]]:
    return [(left.x1, right.x0) for left, right in pairwise(line.cells)]


def _are_short(*lines: Line) -> bool:
    return all(len(cell.text) < 40 for line in lines for cell in line.cells)


def _goes_on_in_cell(row: Line, before: Line, line: Line, style: _Style) -> bool:
    """Whether a line goes on with the text of one cell of the row above it."""
    if len(line.cells) > len(row.cells) or before.y - line.y > 1.3 * style.leading * line.size:
        return False
    starts = [cell.x0 for cell in row.cells[1:]]
    return all(any(abs(cell.x0 - start) < 0.5 * line.size for start in starts) for cell in line.cells)


def _table(lines: list[Line], words: "_Words", style: _Style) -> str:
    columns = _column_ranges(lines)
    rows: list[list[str]] = []
    is_hyphenated = False
    for line in lines:
        row = [""] * len(columns)
        for cell in line.cells:
            for place, text in _spread(cell, columns):
                row[place] = f"{row[place]} {text}".strip()
        is_rest = rows and not row[0] and len(line.cells) < len(columns) and not _is_row(line)
        if is_rest:
            rows[-1] = [
                words.joined(above, text, is_hyphenated=is_hyphenated)
                for above, text in zip(rows[-1], row, strict=True)
            ]
        else:
            if is_hyphenated:
                rows[-1][-1] += "-"
            rows.append(row)
        is_hyphenated = line.is_hyphenated
    written = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([written[0], "|" + "---|" * len(columns), *written[1:]])


def _spread(cell: Cell, columns: list[tuple[float, float]]) -> list[tuple[int, str]]:
    """The columns that a cell fills, with its text in each: numbers may stand close to the cell before them."""
    place = next((place for place, (_, right) in enumerate(columns) if cell.x0 <= right), len(columns) - 1)
    stop = next((other for other, (left, _) in enumerate(columns) if left > cell.x1), len(columns))
    first, *numbers = cell.text.rsplit(" ", max(0, stop - place - 1)) if stop - place > 1 else [cell.text]
    if len(numbers) != stop - place - 1 or not all(_NUMBER.fullmatch(number) for number in numbers):
        return [(place, cell.text)]
    # Where the numbers begin, as if all characters were of one width.
    start = cell.x0 + (cell.x1 - cell.x0) * (len(first) + 1) / len(cell.text)
    if numbers and start < columns[place][1]:
        return [(place, cell.text)]
    return list(enumerate([first, *numbers], start=place))


def _column_ranges(lines: list[Line]) -> list[tuple[float, float]]:
    """The left and right ends of a table's columns: the cells that overlap, taken together.

    The cells of rows with most cells are the columns, where these stand apart from each other. Else a cell across
    several columns would join them, so cells of rows with fewer cells count only where they join none.
    """
    most = max(len(line.cells) for line in lines)
    full = zip(*(line.cells for line in lines if len(line.cells) == most), strict=True)
    whole = [(min(cell.x0 for cell in column), max(cell.x1 for cell in column)) for column in full]
    if all(left[1] < right[0] for left, right in pairwise(whole)):
        return whole
    ranges: list[tuple[float, float]] = []
    for line in sorted(lines, key=lambda one: -len(one.cells)):
        for cell in line.cells:
            touched = [place for place, one in enumerate(ranges) if cell.x0 <= one[1] and cell.x1 >= one[0]]
            if not touched:
                ranges.append((cell.x0, cell.x1))
            elif len(touched) == 1:
                old = ranges[touched[0]]
                ranges[touched[0]] = (min(old[0], cell.x0), max(old[1], cell.x1))
    return sorted(ranges)


# --- Writing


class _Words:
    """The words of a document, for hyphens at the ends of lines."""

    def __init__(self, pages: list[list[Line]]) -> None:
        self._pages = pages
        self._known: set[str] | None = None

    def _has(self, word: str) -> bool:
        if self._known is None:
            self._known = {
                word for lines in self._pages for line in lines for word in _WORDS.findall(line.text.casefold())
            }
        return word in self._known

    def joined(self, above: str, text: str, *, is_hyphenated: bool = False) -> str:
        """Two lines of a paragraph as one; a hyphen that only parts a word at the end of the first is left out."""
        if not above or not text:
            return above or text
        has_hyphen = above[-1] == "-" and above[-2:-1].isalnum()
        if not is_hyphenated and not has_hyphen:
            return above + ("" if _CJK.match(above[-1]) and _CJK.match(text[0]) else " ") + text
        stem = above[:-1] if has_hyphen and not is_hyphenated else above
        return stem + ("-" if self._keeps_hyphen(stem, text) else "") + text

    def _keeps_hyphen(self, above: str, text: str) -> bool:
        first, second = _LAST_WORD.search(above[-60:]), _FIRST_WORD.match(text)
        if not first or not second:
            return True
        left, right = first.group(), second.group()
        if right[0].isupper() and not (left.isupper() and right.isupper()):
            return True
        inner = left.rpartition("-")
        joined, with_hyphen = f"{inner[2]}{right}".casefold(), f"{left}-{right}".casefold()
        if self._has(joined):
            return False
        return bool(inner[0]) or self._has(with_hyphen)


# A comment of code that is set as prose.
_LOOKS_LIKE_HEADING = re.compile(r"#{1,6}[ \t]")


def _written(block: _Block, words: _Words, style: _Style) -> str:
    if block.kind == "code":
        return _code(block.lines)
    if block.kind == "table":
        return _table(block.lines, words, style)
    if block.kind == "entry":
        return _LEADERS.sub(" ... ", block.lines[0].text)
    text = ""
    is_hyphenated = False
    parts: list[str] = []
    for line in block.lines:
        new = line.text if len(block.lines) > 1 or block.kind == "heading" else _with_cells(line)
        if parts:
            joined = words.joined(parts[-1][-80:], new, is_hyphenated=is_hyphenated)
            parts[-1] = parts[-1][:-80] + joined[: len(joined) - len(new)]
        parts.append(new)
        is_hyphenated = line.is_hyphenated
    text = "".join(parts) + ("-" if is_hyphenated else "")
    if block.kind == "heading":
        return f"{'#' * min(block.level, 6)} {text.strip()}"
    if _LOOKS_LIKE_HEADING.match(text):
        return "\\" + text
    return _BULLET.sub("- ", text, count=1) if _BULLET.match(text) and not text.startswith(("—", "–")) else text


def _with_cells(line: Line) -> str:
    """The text of a line that stands alone, with a mark at gaps that are surely between cells."""
    if len(line.cells) == 1 or not _is_row(line):
        return line.text
    texts = [line.cells[0].text]
    for (left, right), cell in zip(_gaps(line), line.cells[1:], strict=True):
        texts += [" | " if right - left > SURE_GAP * line.size else " ", cell.text]
    return "".join(texts)


def _code(lines: list[Line]) -> str:
    left = min(line.x0 for line in lines)
    gaps = sorted(gap for before, line in pairwise(lines) if (gap := before.y - line.y) > 0.5 * line.size)
    leading = gaps[len(gaps) // 4] if gaps else 0.0
    out: list[str] = []
    for before, line in zip([None, *lines], lines, strict=False):
        if before is not None and leading:
            out.extend([""] * min(_MAX_BLANK_LINES, max(0, round((before.y - line.y) / leading - 0.2) - 1)))
        indent = min(200, max(0, round((line.x0 - left) / line.pitch))) if line.pitch else 0
        hyphen = "-" if line.is_hyphenated and not line.code.endswith("-") else ""
        out.append(" " * indent + line.code + hyphen)
    fence = "````" if any(line.startswith("```") for line in out) else "```"
    return "\n".join([fence, *out, fence])


def _joined_pages(pages: list[list[str]], blocks: list[list[_Block]], words: _Words) -> tuple[str, tuple[int, ...]]:
    """The blocks of all pages with blank lines between; a paragraph that goes on over the page goes on in the text."""
    parts: list[str] = []
    length = 0
    starts: list[int] = []
    empty = 0
    last: _Block | None = None
    for written, of_page in zip(pages, blocks, strict=True):
        started = False
        for text, block in zip(written, of_page, strict=True):
            if not text:
                continue
            glue = ""
            if parts:
                is_entry = block.kind == "entry" and last is not None and last.kind == "entry"
                glue = "\n" if is_entry else "\n\n"
                if not started and last is not None and _goes_on_over_page(last, block):
                    tail = parts.pop()
                    length -= len(tail)
                    joined = words.joined(tail, text)
                    parts.append(joined[: len(joined) - len(text)])
                    length += len(parts[-1])
                    glue = ""
                parts.append(glue)
                length += len(glue)
            if not started:
                starts += [length] * (empty + 1)
                empty, started = 0, True
            parts.append(text)
            length += len(text)
            last = block
        if not started:
            empty += 1
    return "".join(parts), tuple([*starts, *([length] * empty)])


def _goes_on_over_page(last: _Block, block: _Block) -> bool:
    if last.kind != "text" or block.kind != "text" or abs(last.lines[-1].size - block.lines[0].size) > 0.6:
        return False
    end, start = last.lines[-1], block.lines[0]
    return start.text[:1].islower() and (end.is_hyphenated or not end.text.endswith(_SENTENCE_END))
