"""Convert the lines of a PDF to Markdown: headings, paragraphs, lists, code and tables."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from kgsynth_loaders.hyphens import WordList
from kgsynth_loaders.readers.pdf_line import SURE_GAP, Cell, Line
from kgsynth_loaders.readers.pdf_running import PageLines, without_running_lines

_BULLET = re.compile(r"[•‣▪–—·◦●○■□➢✓∗*\-\u2043\uf0b7\u25aa\u25ab](?:\s+|\Z)")
_NUMBERED = re.compile(r"(?:\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,5})[.)]|\[\d{1,3}\])(?:\s+|\Z)")
_LEADERS = re.compile(r"(?:\s?[.·…]){4,}\s?")
_NUMBER = re.compile(r"[-+−±~<>(]{0,2}[\d.,]{1,30}(?:[eE][-+]?\d{1,4})?[%)*]{0,2}")
_EQUATION_NUMBER = re.compile(r"\([A-Z]?\.?\d{1,3}(?:[.\-–]\d{1,3})*[a-z]?\)\Z")
_SENTENCE_END = (".", "!", "?", ":", ";", "。", "!", "?", "”", '"', ")")
_NOT_IN_TITLES = re.compile(r"[\W_]+")
_SECTION_NUMBER = re.compile(
    r"\A(?:chapter|part|appendix|section|§)?\s*(?:\d{1,3}(?:\.\d{1,3}){0,5}|[IVX]{1,5}|[A-Z](?:\.\d{1,3}){0,5})[.:)]?\s+",
    re.IGNORECASE,
)
_CJK = re.compile("[\u2e80-\u9fff\uff00-\uffef\U00020000-\U0003ffff]")
_HEADING_SIZE = 1.12
_LONGEST_HEADING = 200
_LONGEST_BOLD_HEADING = 100
_MAX_HEADING_LINES = 4
# If fixed-pitch fonts have a larger share of the characters than _MAX_FIXED_SHARE, the font does not tell code from
# prose: such lines are code only if more than _MIN_CODE_SHARE of them contain signs of code.
_MAX_FIXED_SHARE = 0.6
_MIN_CODE_SHARE = 0.3
_CODE_SIGN = re.compile(r"[{}=;<>\\\[\]]|\w\(|^\s*(?:def|class|import|from|return|else|try|end)\b|^\s*(?:#|//|/\*|\$ )")
_CODE_START = re.compile(r"(?:def|class|import|from|return|for|while|if|else|try)\b.*(?:[:;(){}]|\bimport\b)")
_MAX_BLANK_LINES = 2
# A line ends early if it has fewer characters than _SHORT_CHARS and ends before this share of the column width.
_SHORT_LINE = 0.5
_SHORT_CHARS = 40


class OutlineEntry(NamedTuple):
    """A bookmark: its title, its level from 0, and the index of its target page from 0 (-1: unknown)."""

    title: str
    level: int
    page: int


@dataclass(slots=True)
class _Block:
    """Consecutive lines of one paragraph (`text`), heading, piece of code, table or `entry`.

    An entry is a line of a table of contents or a row of numbers. `level` is that of a heading, from 1; 0 if unknown.
    """

    kind: str
    lines: list[Line] = field(default_factory=list)
    level: int = 0


@dataclass(slots=True)
class _Style:
    """Usual appearance of a document's lines, which headings, paragraphs and code are compared with."""

    size: float
    leading: float  # distance of baselines, in ems
    has_code: bool
    levels: dict[float, int] = field(default_factory=dict)
    bold_is_heading: bool = True


def markdown(pages: list[PageLines], outline: Sequence[OutlineEntry]) -> tuple[str, tuple[int, ...]]:
    """Return the text of all pages as Markdown, and the offset in it at which each page begins.

    Args:
        pages: lines of each page.
        outline: bookmarks of the document; their titles become headings.
    """
    page_lines = without_running_lines(pages)
    style = _style(page_lines)
    titles = _Titles(outline)
    blocks = [_blocks(lines, style, titles, number) for number, lines in enumerate(page_lines)]
    _set_levels(blocks, style)
    words = _Words(page_lines)
    return _joined_pages(
        [[_written(block, words, style) for block in page_blocks] for page_blocks in blocks], blocks, words
    )


def _style(pages: list[list[Line]]) -> _Style:
    sizes: Counter[float] = Counter()
    fixed_chars = total_chars = bold_chars = 0
    for lines in pages:
        for line in lines:
            length = len(line.text)
            total_chars += length
            if line.code:
                fixed_chars += length
            else:
                sizes[round(line.size * 2) / 2] += length
                bold_chars += length if line.is_bold else 0
    size = sizes.most_common(1)[0][0] if sizes else 10.0
    gaps: Counter[float] = Counter()
    for lines in pages:
        for before, line in pairwise(lines):
            if abs(line.size - size) < 0.6 and 0.8 * size < before.y - line.y < 3 * size:
                gaps[round((before.y - line.y) / size, 1)] += 1
    # The smallest of the common distances is that within paragraphs: paragraphs of one line may be further apart.
    common_gaps = [gap for gap, count in gaps.items() if count >= 0.25 * max(gaps.values())]
    style = _Style(size, min(common_gaps, default=1.2), fixed_chars < _MAX_FIXED_SHARE * total_chars)
    style.bold_is_heading = bold_chars < 0.3 * total_chars
    return style


# --- Headings


class _Titles:
    """The titles of the outline, by page.

    A title counts on the page of its bookmark and on the next one, with or without its section number.
    """

    def __init__(self, outline: Sequence[OutlineEntry]) -> None:
        self._pages: dict[int, dict[str, tuple[int, bool]]] = {}
        for entry in outline:
            for title in (entry.title, _SECTION_NUMBER.sub("", entry.title, count=1)):
                if key := _as_title(title):
                    for page in (entry.page, entry.page + 1):
                        page_titles = self._pages.setdefault(page, {})
                        page_titles.setdefault(key, (entry.level + 1, title == entry.title))

    def may_begin(self, text: str, page: int) -> bool:
        """Return whether a title on this page begins with this text."""
        page_titles = self._pages.get(page)
        if not page_titles or len(text) > _LONGEST_HEADING:
            return False
        keys = tuple(_as_title(candidate) for candidate in (text, _SECTION_NUMBER.sub("", text, count=1)))
        return any(title.startswith(keys) for title in page_titles)

    def level(self, text: str, page: int, *, is_whole: bool = False) -> int:
        """Return the level of a text that is a title on this page, from 1; 0 if it is not a title.

        Args:
            text: text of one or more lines.
            page: index of the page, from 0.
            is_whole: whether a title must have the section number that it has in the outline.
        """
        page_titles = self._pages.get(page)
        if not page_titles or len(text) > _LONGEST_HEADING:
            return 0
        level, is_title = page_titles.get(_as_title(text), (0, False))
        if is_whole:
            return level if is_title else 0
        return level or page_titles.get(_as_title(_SECTION_NUMBER.sub("", text, count=1)), (0, False))[0]


def _as_title(text: str) -> str:
    return _NOT_IN_TITLES.sub("", text.casefold())


def _heading(lines: list[Line], place: int, style: _Style, titles: _Titles, page: int) -> tuple[int, int]:
    """Return how many lines from `place` on form a heading (0: none), and its level (0: follows from its size)."""
    line = lines[place]
    is_large = line.size > _HEADING_SIZE * style.size
    stands_out = is_large or (line.is_bold and style.bold_is_heading)
    if line.is_rotated or not (stands_out or titles.may_begin(line.text, page)) or _LEADERS.search(line.text):
        return 0, 0
    stop = place + 1
    while stop < len(lines) and stop - place < _MAX_HEADING_LINES and _continues(lines[stop - 1], lines[stop], style):
        stop += 1
    texts = [candidate.text for candidate in lines[place:stop]]
    is_plain = not stands_out and (_is_within_paragraph(lines, place, style) or texts[0].endswith((",", ".", ";")))
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


def _continues(previous: Line, line: Line, style: _Style) -> bool:
    """Return whether a line has the size and weight of the line above it and follows it closely."""
    has_same_style = abs(previous.size - line.size) < 0.1 * line.size and previous.is_bold == line.is_bold
    return has_same_style and not line.starts_column and 0 < previous.y - line.y < 1.6 * line.size


def _is_within_paragraph(lines: list[Line], place: int, style: _Style) -> bool:
    """Return whether a line is close to the lines above and below it."""
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
    is_row = (
        len(line.cells) > 1
        and next_line is not None
        and (len(next_line.cells) > 1 or _is_narrow_row(line, lines, place + 1))
    )
    return has_room and not is_row and (next_line is None or not next_line.is_bold or next_line.size > 1.05 * line.size)


def _set_levels(blocks: list[list[_Block]], style: _Style) -> None:
    """Set the level of headings without a bookmark from their size, relative to the headings that have one."""
    headings = [block for page_blocks in blocks for block in page_blocks if block.kind == "heading"]
    level_counts: dict[float, Counter[int]] = {}
    for block in headings:
        if block.level:
            level_counts.setdefault(_heading_size(block), Counter())[block.level] += 1
    levels = {size: counts.most_common(1)[0][0] for size, counts in level_counts.items()}
    other_sizes = sorted({_heading_size(block) for block in headings if not block.level} - levels.keys(), reverse=True)
    deepest_level = max(levels.values(), default=0)
    rank = 0
    for size in other_sizes:
        if not levels or not level_counts:
            rank += 1
            style.levels[size] = min(rank, 6)
        elif size > max(level_counts):
            style.levels[size] = 1
        else:
            above = [levels[other] for other in level_counts if other > size]
            style.levels[size] = min(6, (max(above) if above else deepest_level) + 1)
    for block in headings:
        size = _heading_size(block)
        block.level = block.level or levels.get(size) or style.levels.get(size, 6)


def _heading_size(block: _Block) -> float:
    # Bold headings rank above other headings of the same size.
    return round(max(line.size for line in block.lines) * 2) / 2 + (0.1 if block.lines[0].is_bold else 0)


# --- Blocks


def _blocks(lines: list[Line], style: _Style, titles: _Titles, page: int) -> list[_Block]:
    blocks: list[_Block] = []
    _divide_head_rows(lines)
    left_ends, right_ends = _columns_of(lines)
    place = 0
    while place < len(lines):
        line = lines[place]
        count, level = _heading(lines, place, style, titles, page)
        if count:
            blocks.append(_Block("heading", lines[place : place + count], level))
        elif count := _count_code(lines, place, left_ends, style, titles, page):
            blocks.append(_Block("code", lines[place : place + count]))
        elif count := _count_rows(lines, place, style):
            blocks.append(_Block("table", lines[place : place + count]))
        elif _LEADERS.search(line.text) or _holds_numbers(line.text):
            count = 1
            blocks.append(_Block("entry", [line]))
        else:
            count = 1
            _add_to_paragraph(blocks, line, (left_ends[place], right_ends[place]), style)
        place += count
    return blocks


def _columns_of(lines: list[Line]) -> tuple[list[float], list[float]]:
    """Return the left ends and the right ends of the columns that the lines belong to, both per line."""
    left_ends: list[float] = []
    right_ends: list[float] = []
    start = 0
    for place in range(1, len(lines) + 1):
        if place == len(lines) or lines[place].starts_column:
            column = lines[start:place]
            left_ends += [min(line.x0 for line in column)] * len(column)
            # A few lines may extend beyond the right end of the others.
            line_ends = sorted(line.x1 for line in column)
            right_ends += [line_ends[int(0.85 * (len(line_ends) - 1))]] * len(column)
            start = place
    return left_ends, right_ends


def _add_to_paragraph(blocks: list[_Block], line: Line, column: tuple[float, float], style: _Style) -> None:
    previous = blocks[-1] if blocks else None
    if previous is None or previous.kind != "text" or _begins_paragraph(previous, line, column, style):
        blocks.append(_Block("text", [line]))
    else:
        previous.lines.append(line)


def _begins_paragraph(block: _Block, line: Line, column: tuple[float, float], style: _Style) -> bool:
    previous = block.lines[-1]
    if previous.is_rotated or line.is_rotated:
        return previous.is_rotated != line.is_rotated
    text = line.text
    ends_sentence = previous.text.endswith(_SENTENCE_END)
    if line.starts_column:
        return not (previous.is_hyphenated or text[:1].islower()) and (
            ends_sentence or abs(line.size - previous.size) > 0.6
        )
    gap = previous.y - line.y - line.rise
    if abs(line.size - previous.size) > 0.12 * previous.size and len(text) > 2:
        return True
    if gap < -0.3 * line.size or gap > 1.28 * style.leading * max(line.size, previous.size):
        return True
    if previous.is_hyphenated:
        return False
    if text.startswith("^{"):
        return True
    if _BULLET.match(text) or (_NUMBERED.match(text) and (ends_sentence or line.x0 > previous.x0 + 0.5 * line.size)):
        return True
    if _is_next_item(block.lines[0], line):
        return True
    return _differs_in_indent(block, line, column, ends_sentence)


def _is_next_item(first: Line, line: Line) -> bool:
    """Return whether a line has the next list mark after that of the paragraph above, at the same indent."""
    mark, next_mark = _NUMBERED.match(first.text), _NUMBERED.match(line.text)
    if not mark or not next_mark or abs(first.x0 - line.x0) > 0.5 * line.size:
        return False
    label, next_label = (match.group().strip(" ()[].") for match in (mark, next_mark))
    if label.isdecimal() and next_label.isdecimal():
        return int(next_label) == int(label) + 1
    return len(label) == len(next_label) == 1 and ord(next_label) == ord(label) + 1


def _differs_in_indent(block: _Block, line: Line, column: tuple[float, float], ends_sentence: bool) -> bool:
    previous = block.lines[-1]
    left, right = column
    indent_change = line.x0 - previous.x0
    # In the same paragraph the first word would have fitted on the line above.
    character_width = (previous.x1 - previous.x0) / max(1, len(previous.text))
    word_width = character_width * (1 + len(line.text.partition(" ")[0]))
    is_short = previous.x1 + max(1.2 * word_width, 0.03 * (right - left)) < right
    # Adjacent columns may have been taken for one, so the number of characters counts too.
    is_very_short = len(previous.text) < _SHORT_CHARS and previous.x1 < left + _SHORT_LINE * (right - left)
    ends_sentence = ends_sentence and previous.text[-1] not in ';)"”'
    is_indented = previous.x0 > left + 1.5 * line.size and abs(indent_change) < 0.1 * line.size
    if is_indented and is_short and is_very_short and not previous.is_hyphenated:
        # Items of a list may have pictures as marks.
        return True
    if _BULLET.match(line.text) or _NUMBERED.match(line.text):
        return abs(indent_change) > 0.5 * line.size or ends_sentence or (is_short and is_very_short)
    if indent_change > 0.7 * line.size:
        is_hanging = len(block.lines) == 1 and (_has_mark(previous) or not (is_short or ends_sentence))
        return not is_hanging
    if indent_change < -0.7 * line.size and len(block.lines) > 1:
        return True
    # Lines of verse and of addresses end early without punctuation.
    return is_short and (ends_sentence or (is_very_short and not previous.is_hyphenated and _begins_line(line.text)))


def _begins_line(text: str) -> bool:
    """Return whether a text begins like a sentence or like a line of code."""
    return text[:1].isupper() or bool(_CODE_START.match(text))


def _has_mark(line: Line) -> bool:
    return bool(_BULLET.match(line.text) or _NUMBERED.match(line.text))


def _is_code_in_prose(lines: list[Line], place: int, left_ends: list[float], style: _Style) -> bool:
    """Return whether a line in a fixed-pitch font continues the sentence of the line above it."""
    if not place:
        return False
    previous, line = lines[place - 1], lines[place]
    if previous.code or previous.text.endswith(_SENTENCE_END) or previous.starts_column:
        return False
    is_close = 0 < previous.y - line.y < 1.15 * style.leading * line.size
    return is_close and abs(line.x0 - left_ends[place]) < 0.5 * line.size and previous.x0 <= line.x0 + 3 * line.size


def _count_code(
    lines: list[Line], place: int, left_ends: list[float], style: _Style, titles: _Titles, page: int
) -> int:
    """Return how many lines from `place` on form one piece of code; 0 if there is none."""
    if not lines[place].code or lines[place].is_rotated or _is_code_in_prose(lines, place, left_ends, style):
        return 0
    stop = place + 1
    while stop < len(lines) and lines[stop].code and not lines[stop].is_rotated:
        gap = lines[stop - 1].y - lines[stop].y
        if not 0 < gap < 4 * style.leading * style.size or titles.level(lines[stop].text, page):
            break
        stop += 1
    if style.has_code:
        return stop - place
    # Most of the document is in fixed-pitch fonts.
    sign_count = sum(_CODE_SIGN.search(line.code) is not None for line in lines[place:stop])
    return stop - place if sign_count > _MIN_CODE_SHARE * (stop - place) else 0


# --- Tables


def _holds_numbers(text: str) -> bool:
    """Return whether a line is a row of numbers, which is never part of a paragraph."""
    tokens = text.split(" ", 200)
    numbers = sum(_NUMBER.fullmatch(token) is not None for token in tokens)
    return numbers == 2 if len(tokens) == 2 else len(tokens) > 2 and numbers >= 0.7 * len(tokens)


def _count_rows(lines: list[Line], place: int, style: _Style) -> int:
    """Return how many lines from `place` on form a table; 0 if fewer than two of them share a gap between cells."""
    if not _is_row(lines[place]):
        return 0
    row_count, stop = 1, place + 1
    last_row = lines[place]
    while stop < len(lines):
        previous, line = lines[stop - 1], lines[stop]
        gap = previous.y - line.y - line.rise
        if line.is_rotated or line.starts_column or not 0 < gap < 2.6 * style.leading * line.size:
            break
        if _is_row(line) and _shares_gap(last_row, line):
            row_count += 1
            last_row = line
        elif not (_continues_cell(last_row, previous, line, style) or _is_narrow_row(last_row, lines, stop)):
            break
        stop += 1
    return stop - place if row_count > 1 else 0


def _is_narrow_row(row: Line, lines: list[Line], place: int) -> bool:
    """Return whether a line without wide gaps is a row: it fills the gap between rows and ends in numbers."""
    line = lines[place]
    next_line = lines[place + 1] if place + 1 < len(lines) else None
    if next_line is None or not _is_row(next_line) or not _shares_gap(row, next_line):
        return False
    last_words = (line.text.rpartition(" ")[2], next_line.cells[-1].text)
    ends_in_number = all(_NUMBER.fullmatch(word) and word[-1] not in ".," for word in last_words)
    left, right = _gaps(row)[0]
    return ends_in_number and line.x0 < left and line.x1 > right and line.x1 <= max(row.x1, next_line.x1) + line.size


def _divide_head_rows(lines: list[Line]) -> None:
    """Divide bold lines above tables into cells if they have a word per column and are about as wide as the table."""
    for head, *rows in zip(lines, lines[1:], lines[2:], strict=False):
        words = head.text.split(" ")
        if not head.is_bold or len(head.cells) > 1 or len(words) < 2 or head.is_rotated or any(map(_has_mark, rows)):
            continue
        first_row = rows[0]
        widest = max(len(row.cells) + len(_numbers_at_end(row)) for row in rows)
        is_near = 0 < head.y - first_row.y < 2.5 * head.size
        stands_out = not first_row.is_bold and first_row.size < 1.1 * head.size
        overlap = min(head.x1, first_row.x1) - max(head.x0, first_row.x0)
        is_as_wide = overlap > 0.7 * max(head.x1 - head.x0, first_row.x1 - first_row.x0)
        if (
            is_near
            and stands_out
            and is_as_wide
            and len(words) == widest
            and all(map(_is_row, rows))
            and _shares_gap(*rows)
        ):
            head.set_cells(_estimated_cells(head, words))


def _numbers_at_end(row: Line) -> list[str]:
    """Return the numbers that follow others in the last cell of a row without a wide gap."""
    tokens = row.cells[-1].text.split(" ")
    return tokens[1:] if len(row.cells) > 1 and all(map(_NUMBER.fullmatch, tokens)) else []


def _estimated_cells(line: Line, words: list[str]) -> list[Cell]:
    """Return a cell per word of a line, at the place that it would have if all characters had the same width."""
    width = (line.x1 - line.x0) / max(1, len(line.text))
    cells: list[Cell] = []
    offset = 0
    for word in words:
        cells.append(Cell(line.x0 + offset * width, line.x0 + (offset + len(word)) * width, word))
        offset += len(word) + 1
    return cells


def _is_row(line: Line) -> bool:
    if len(line.cells) < 2 or line.is_rotated or _LEADERS.search(line.text):
        return False
    if len(line.cells) > 2 or line.rise:
        return True
    return not (_has_lone_mark(line) or _EQUATION_NUMBER.match(line.cells[1].text))


def _has_lone_mark(line: Line) -> bool:
    """Return whether the first of two cells is only the mark of a list item."""
    mark, item = line.cells
    if len(mark.text) < 8 and (_BULLET.fullmatch(mark.text) or _NUMBERED.fullmatch(mark.text)):
        return True
    is_number = mark.text.isdecimal() and len(mark.text) < 4
    return is_number and item.text[:1].isalpha() and item.x0 - mark.x1 < 3 * line.size


def _shares_gap(above: Line, line: Line) -> bool:
    """Return whether the rows share a gap that surely separates cells.

    A shared gap is sure if it is wide in one of the rows, if both rows have the same number of cells from 3, or if
    all their cells are short.
    """
    sure_width = SURE_GAP * line.size
    for (left, right), (other_left, other_right) in _pairs_of_gaps(above, line):
        if min(right, other_right) - max(left, other_left) > 0.3 * line.size:
            is_wide = max(right - left, other_right - other_left) > sure_width
            if is_wide or len(above.cells) == len(line.cells) > 2 or _are_short(above, line):
                return True
    return False


def _pairs_of_gaps(above: Line, line: Line) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    gaps_above, gaps_below = _gaps(above), _gaps(line)
    place = 0
    for gap in gaps_above:
        while place < len(gaps_below) and gaps_below[place][1] <= gap[0]:
            place += 1
        if place < len(gaps_below):
            yield gap, gaps_below[place]


def _gaps(line: Line) -> list[tuple[float, float]]:
    return [(left.x1, right.x0) for left, right in pairwise(line.cells)]


def _are_short(*lines: Line) -> bool:
    return all(len(cell.text) < 40 for line in lines for cell in line.cells)


def _continues_cell(row: Line, previous: Line, line: Line, style: _Style) -> bool:
    """Return whether each cell of a line continues a cell of the row above it, other than the first."""
    if len(line.cells) > len(row.cells) or previous.y - line.y > 1.3 * style.leading * line.size:
        return False
    cell_starts = [cell.x0 for cell in row.cells[1:]]
    return all(any(abs(cell.x0 - start) < 0.5 * line.size for start in cell_starts) for cell in line.cells)


def _table(lines: list[Line], words: "_Words", style: _Style) -> str:
    columns = _column_ranges(lines)
    rows: list[list[str]] = []
    is_hyphenated = False
    for line in lines:
        row = [""] * len(columns)
        for cell in line.cells:
            for place, text in _spread(cell, columns):
                row[place] = f"{row[place]} {text}".strip()
        continues_row = rows and not row[0] and len(line.cells) < len(columns) and not _is_row(line)
        if continues_row:
            rows[-1] = [
                words.joined(above, text, is_hyphenated=is_hyphenated)
                for above, text in zip(rows[-1], row, strict=True)
            ]
        else:
            if is_hyphenated:
                rows[-1][-1] += "-"
            rows.append(row)
        is_hyphenated = line.is_hyphenated
    table_lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([table_lines[0], "|" + "---|" * len(columns), *table_lines[1:]])


def _spread(cell: Cell, columns: list[tuple[float, float]]) -> list[tuple[int, str]]:
    """Return the columns that a cell covers, with its text in each.

    Numbers close to the text before them are in the same cell; each of them belongs to the next column.
    """
    place = next((place for place, (_, right) in enumerate(columns) if cell.x0 <= right), len(columns) - 1)
    stop = next((other for other, (left, _) in enumerate(columns) if left > cell.x1), len(columns))
    first, *numbers = cell.text.rsplit(" ", max(0, stop - place - 1)) if stop - place > 1 else [cell.text]
    if len(numbers) != stop - place - 1 or not all(_NUMBER.fullmatch(number) for number in numbers):
        return [(place, cell.text)]
    # Left end of the numbers if all characters had the same width.
    start = cell.x0 + (cell.x1 - cell.x0) * (len(first) + 1) / len(cell.text)
    if numbers and start < columns[place][1]:
        return [(place, cell.text)]
    return list(enumerate([first, *numbers], start=place))


def _column_ranges(lines: list[Line]) -> list[tuple[float, float]]:
    """Return the left and right ends of a table's columns.

    The rows with the most cells define the columns if these do not overlap. Otherwise a column is the union of
    overlapping cells. A cell that overlaps several columns is left out, because it would join them.
    """
    max_cells = max(len(line.cells) for line in lines)
    columns = zip(*(line.cells for line in lines if len(line.cells) == max_cells), strict=True)
    column_ranges = [(min(cell.x0 for cell in column), max(cell.x1 for cell in column)) for column in columns]
    if all(left[1] < right[0] for left, right in pairwise(column_ranges)):
        return column_ranges
    merged_ranges: list[tuple[float, float]] = []
    for line in sorted(lines, key=lambda row: -len(row.cells)):
        for cell in line.cells:
            overlapping = [
                place for place, column in enumerate(merged_ranges) if cell.x0 <= column[1] and cell.x1 >= column[0]
            ]
            if not overlapping:
                merged_ranges.append((cell.x0, cell.x1))
            elif len(overlapping) == 1:
                previous = merged_ranges[overlapping[0]]
                merged_ranges[overlapping[0]] = (min(previous[0], cell.x0), max(previous[1], cell.x1))
    return sorted(merged_ranges)


# --- Writing


class _Words(WordList):
    """The words of a document, which decide whether a hyphen at the end of a line is part of a word."""

    def __init__(self, pages: list[list[Line]]) -> None:
        # In rows of several lines, words are already joined.
        super().__init__(lambda: (line.text for lines in pages for line in lines if not line.rise))

    def joined(self, above: str, text: str, *, is_hyphenated: bool = False) -> str:
        """Join two lines of a paragraph; a hyphen that only divides a word at the end of the first line is removed."""
        if not above or not text:
            return above or text
        has_hyphen = above[-1] == "-" and above[-2:-1].isalnum()
        if not is_hyphenated and not has_hyphen:
            return above + ("" if _CJK.match(above[-1]) and _CJK.match(text[0]) else " ") + text
        stem = above[:-1] if has_hyphen and not is_hyphenated else above
        return stem + ("-" if self.keeps_hyphen(stem, text) else "") + text


# A comment in code that is set as prose looks like a Markdown heading.
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
        line_text = line.text if len(block.lines) > 1 or block.kind == "heading" else _with_cells(line)
        if parts:
            joined = words.joined(parts[-1][-80:], line_text, is_hyphenated=is_hyphenated)
            parts[-1] = parts[-1][:-80] + joined[: len(joined) - len(line_text)]
        parts.append(line_text)
        is_hyphenated = line.is_hyphenated
    text = "".join(parts) + ("-" if is_hyphenated else "")
    if block.kind == "heading":
        return f"{'#' * min(block.level, 6)} {text.strip()}"
    if _LOOKS_LIKE_HEADING.match(text):
        return "\\" + text
    return _BULLET.sub("- ", text, count=1) if _BULLET.match(text) and not text.startswith(("—", "–")) else text


def _with_cells(line: Line) -> str:
    """Return the text of a line that is a block of its own, with ` | ` at gaps that surely separate cells."""
    if len(line.cells) == 1 or not _is_row(line):
        return line.text
    texts = [line.cells[0].text]
    for (left, right), cell in zip(_gaps(line), line.cells[1:], strict=True):
        texts += [" | " if right - left > SURE_GAP * line.size else " ", cell.text]
    return "".join(texts)


def _code(lines: list[Line]) -> str:
    left = min(line.x0 for line in lines)
    gaps = sorted(gap for previous, line in pairwise(lines) if (gap := previous.y - line.y) > 0.5 * line.size)
    leading = gaps[len(gaps) // 4] if gaps else 0.0
    code_lines: list[str] = []
    for previous, line in zip([None, *lines], lines, strict=False):
        if previous is not None and leading:
            code_lines.extend([""] * min(_MAX_BLANK_LINES, max(0, round((previous.y - line.y) / leading - 0.2) - 1)))
        indent = min(200, max(0, round((line.x0 - left) / line.pitch))) if line.pitch else 0
        hyphen = "-" if line.is_hyphenated and not line.code.endswith("-") else ""
        code_lines.append(" " * indent + line.code + hyphen)
    fence = "````" if any(line.startswith("```") for line in code_lines) else "```"
    return "\n".join([fence, *code_lines, fence])


def _joined_pages(pages: list[list[str]], blocks: list[list[_Block]], words: _Words) -> tuple[str, tuple[int, ...]]:
    """Join the blocks of all pages with blank lines, and return the text and the offset of each page.

    A paragraph that continues on the next page is joined without a blank line.
    """
    parts: list[str] = []
    length = 0
    starts: list[int] = []
    empty_pages = 0
    previous: _Block | None = None
    for page_texts, page_blocks in zip(pages, blocks, strict=True):
        has_text = False
        for text, block in zip(page_texts, page_blocks, strict=True):
            if not text:
                continue
            glue = ""
            if parts:
                is_entry = block.kind == "entry" and previous is not None and previous.kind == "entry"
                glue = "\n" if is_entry else "\n\n"
                if not has_text and previous is not None and _continues_on_next_page(previous, block):
                    tail = parts.pop()
                    length -= len(tail)
                    joined = words.joined(tail, text)
                    parts.append(joined[: len(joined) - len(text)])
                    length += len(parts[-1])
                    glue = ""
                parts.append(glue)
                length += len(glue)
            if not has_text:
                starts += [length] * (empty_pages + 1)
                empty_pages, has_text = 0, True
            parts.append(text)
            length += len(text)
            previous = block
        if not has_text:
            empty_pages += 1
    return "".join(parts), tuple([*starts, *([length] * empty_pages)])


def _continues_on_next_page(previous: _Block, block: _Block) -> bool:
    if previous.kind != "text" or block.kind != "text" or abs(previous.lines[-1].size - block.lines[0].size) > 0.6:
        return False
    last_line, first_line = previous.lines[-1], block.lines[0]
    return first_line.text[:1].islower() and (last_line.is_hyphenated or not last_line.text.endswith(_SENTENCE_END))
