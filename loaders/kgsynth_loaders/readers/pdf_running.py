"""Remove running heads, running feet and page numbers: lines at the edges of pages that are not part of the text.

A running line repeats the same words at the same height of several pages, or contains a number that increases with the
pages. Other lines are kept: titles of slides, numbered exercises, footnotes at the same height.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kgsynth_loaders.readers.pdf_line import Line

# Number of rows at each edge of a page that may be running heads or feet.
_EDGE_LINES = 3
_MIN_REPEATS = 3
# Minimum share of pages with repeated text at a height.
_MIN_SHARE = 0.4
# Lines within this number of points count as being at the same height.
_SAME_HEIGHT = 4
# Share of the page height at each edge where a lone number is a page number, and where lines may be running lines.
_NUMBER_MARGIN = 0.13
_RUNNING_MARGIN = 0.2
# A line larger than this multiple of the size of the main text is a title, unless it is on most pages.
_LARGE = 1.12
# Maximum size of page numbers, relative to the size above which a line is a title.
_MAX_NUMBER_SIZE = 1.3
_MIN_LARGE_REPEATS = 5
_MIN_LARGE_SHARE = 0.5
_MAX_EMPTIED_SHARE = 0.5
_MAX_ROMAN = 200
_PAGE_WORD = r"(?:page|pg\.|p\.|seite|página|pagina|pág\.|strona|str\.|sida|side|sivu|стр\.|slide|folie)"
_TOTAL = r"(?:\s*(?:of|/|von|de|sur)\s*\d{1,4})"
_NUMBER = re.compile(
    rf"\A(?:{_PAGE_WORD}\s*)?[-–—|\[(\s]{{0,3}}"
    rf"(?:(?P<chapter>\d{{1,3}}|[A-Z]{{1,2}})[-–])?(?P<number>\d{{1,4}}|[ivxlcdm]{{1,8}})[-–—|\])\s]{{0,3}}{_TOTAL}?\Z",
    re.IGNORECASE,
)
_NUMBER_AT_END = re.compile(
    rf"(?:(?P<mark>\b{_PAGE_WORD}\s*|[|•]\s*)|(?<=\s))(?P<number>\d{{1,4}}){_TOTAL}?\W{{0,2}}\Z", re.IGNORECASE
)
_NUMBER_AT_START = re.compile(
    rf"\W{{0,2}}(?P<word>{_PAGE_WORD}\s*)?(?P<number>\d{{1,4}}){_TOTAL}?(?:\s*(?P<mark>[|•])|\s)", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_ROMAN = re.compile(r"(?=.)c{0,3}(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})", re.IGNORECASE)
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_SENTENCE_END = (".", "!", "?", ":", ";", ",")


class PageLines(NamedTuple):
    """The lines of a page in reading order, and the heights of its lower and upper edge in points."""

    lines: list[Line]
    bottom: float
    top: float


class _Number(NamedTuple):
    """A number in a row that may be the page number.

    Attributes:
        offset: the number minus the index of the page.
        words: text of the row without the number.
        is_marked: whether the number is in a cell of its own, or next to a word or sign for page numbers.
    """

    offset: int
    words: str
    is_marked: bool


class _Row(NamedTuple):
    """The lines at one height near an edge of a page.

    Attributes:
        side: edge of the page, `top` or `bottom`.
        height: height in steps of 4 points.
        text: casefolded text of the lines, without the page number if `has_page_number`.
        page: index of the page.
        lines: the lines from left to right.
        stands_apart: whether a wide gap separates the row from the next one towards the middle of the page.
        has_page_number: whether the row contains a number that increases with the pages.
    """

    side: str
    height: int
    text: str
    page: int
    lines: list[Line]
    stands_apart: bool
    has_page_number: bool = False

    @property
    def place(self) -> tuple[str, int]:
        return self.side, self.height

    @property
    def size(self) -> float:
        return max(line.size for line in self.lines)


class _Style(NamedTuple):
    """The largest size of main text in points, whether bold lines are titles, and the number of pages with lines."""

    largest: float
    bold_is_title: bool
    pages: int


def without_running_lines(pages: list[PageLines]) -> list[list[Line]]:
    """Return the lines of each page without running heads, running feet and page numbers.

    A row of lines is removed in each of these cases:

    - Its text without the page number is at the same height on three or more pages, and such repeated texts are at
      this height on most of the pages, or of the even or odd ones.
    - It contains a number that increases with the pages.
    - It is a lone number in the margin.

    The first occurrence of a row that looks like a title is kept. If most pages would lose all their lines, these pages
    keep them.
    """
    edge_rows = [_edges(page, number) for number, page in enumerate(pages)]
    remover = _Remover(pages, [row for page_rows in edge_rows for side in page_rows for row in side])
    remaining: list[list[Line]] = []
    for page, page_rows in zip(pages, edge_rows, strict=True):
        removed_ids = {id(line) for side in page_rows for row in remover.removed(side, page) for line in row.lines}
        remaining.append([line for line in page.lines if id(line) not in removed_ids] if removed_ids else page.lines)
    emptied = sum(bool(page.lines) and not lines for page, lines in zip(pages, remaining, strict=True))
    if emptied <= _MAX_EMPTIED_SHARE * len(pages):
        return remaining
    return [lines or page.lines for page, lines in zip(pages, remaining, strict=True)]


def _edges(page: PageLines, number: int) -> tuple[list[_Row], list[_Row]]:
    """Return the rows at the top and at the bottom of a page, each from the edge inwards."""
    rows: list[list[Line]] = []
    for line in sorted((line for line in page.lines if not line.is_rotated), key=lambda line: -line.y):
        if rows and rows[-1][0].y - line.y < 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    edges: tuple[list[_Row], list[_Row]] = ([], [])
    for side, name, ordered in ((0, "top", rows), (1, "bottom", rows[::-1])):
        for row, inner in zip(ordered[:_EDGE_LINES], [*ordered[1 : _EDGE_LINES + 1], None], strict=False):
            row.sort(key=lambda line: line.x0)
            height = row[0].y
            stands_apart = inner is not None and abs(inner[0].y - height) > 1.6 * max(row[0].size, inner[0].size)
            text = " ".join(line.text for line in row).casefold()[:200]
            edges[side].append(_Row(name, round(height / _SAME_HEIGHT), text, number, row, stands_apart))
    return edges


# --- Page numbers


def _numbers(row: _Row) -> Iterator[_Number]:
    """Yield the numbers of a row that may be the page number."""
    cells = [cell.text.strip().casefold()[:200] for line in row.lines for cell in line.cells]
    for place, text in enumerate(cells):
        value = _page_number(text)
        if value is not None:
            yield _Number(value - row.page, " ".join([*cells[:place], *cells[place + 1 :]]), True)
    if not _DIGIT.search(row.text) or row.text.endswith(_SENTENCE_END) or any(line.is_bold for line in row.lines):
        return
    if match := _NUMBER_AT_END.search(row.text):
        yield _Number(int(match["number"]) - row.page, row.text[: match.start()].strip(), bool(match["mark"]))
    if match := _NUMBER_AT_START.match(row.text):
        is_marked = bool(match["mark"] or match["word"])
        yield _Number(int(match["number"]) - row.page, row.text[match.end() :].strip(), is_marked)


def _page_number(text: str) -> int | None:
    """Return the number of a text such as `– 12 –`, `xii` or `Page 3 of 9`, or None if it is no page number."""
    match = _NUMBER.match(text.strip()[:40])
    if not match:
        return None
    number = match["number"].casefold()
    if number.isdecimal():
        return int(number)
    if match["chapter"] or not _ROMAN.fullmatch(number):
        return None
    digits = [_ROMAN_DIGITS[digit] for digit in number]
    value = sum(
        -digit if digit < next_digit else digit for digit, next_digit in zip(digits, [*digits[1:], 0], strict=True)
    )
    return value if value < _MAX_ROMAN else None


def _lone_number(row: _Row) -> int | None:
    """Return the number of a row that is only a page number, otherwise None."""
    return _page_number(row.lines[0].text) if len(row.lines) == 1 else None


def _with_page_numbers(rows: list[_Row]) -> Iterator[_Row]:
    """Yield the rows; a number that increases with the pages is removed from the text of its row."""
    row_numbers = [list(_numbers(row)) for row in rows]
    marked: Counter[tuple[str, int, int]] = Counter()
    plain: Counter[tuple[str, int, int, str]] = Counter()
    for row, candidates in zip(rows, row_numbers, strict=True):
        for number in candidates:
            for height in _around(row.height):
                if number.is_marked:
                    marked[row.side, height, number.offset] += 1
                elif " " in number.words:
                    plain[row.side, height, number.offset, number.words] += 1
    page_number_places = {key for key, count in marked.items() if count >= _MIN_REPEATS}
    page_number_places |= {key[:3] for key, count in plain.items() if count >= _MIN_REPEATS}
    for row, candidates in zip(rows, row_numbers, strict=True):
        page_number = next(
            (number for number in candidates if (row.side, row.height, number.offset) in page_number_places), None
        )
        yield row if page_number is None else row._replace(text=page_number.words, has_page_number=True)


def _lone_numbers_are_of_pages(rows: list[_Row]) -> bool:
    """Return whether lone numbers increase with the pages, unlike results of exercises; true if there is only one."""
    separate_rows = [(row, _lone_number(row)) for row in rows if row.stands_apart]
    values = {(*row.place, row.page): value for row, value in separate_rows if value is not None}
    with_neighbour = rising = 0
    for (side, height, page), value in values.items():
        changes = [
            (values[side, near_height, page + step] - value, step)
            for near_height in _around(height)
            for step in (-2, -1, 1, 2)
            if (side, near_height, page + step) in values
        ]
        with_neighbour += bool(changes)
        rising += any(change == step for change, step in changes)
    return rising >= 0.5 * with_neighbour


# --- Rows that repeat


class _Remover:
    """Tells which rows at the edges of a document's pages are running lines.

    Args:
        pages: pages of the document.
        rows: rows at the edges of all pages.
    """

    def __init__(self, pages: list[PageLines], rows: list[_Row]) -> None:
        self._pages = pages
        self._style = _style(pages)
        self._has_page_numbers = _lone_numbers_are_of_pages(rows)
        row_ids = [id(row) for row in rows]
        rows = list(_with_page_numbers(rows))
        self._rows = dict(zip(row_ids, rows, strict=True))
        self._repeats = Counter((row.side, height, row.text) for row in rows for height in _around(row.height))
        self._pairs = _on_pages_in_a_row(rows)
        self._regular = self._regular_places(rows)
        self._kept_titles: set[tuple[str, str]] = set()
        self._titles: set[str] | None = None

    def removed(self, side: list[_Row], page: PageLines) -> list[_Row]:
        """Return the rows of one edge of a page, from the edge inwards, that are not part of the text."""
        height = page.top - page.bottom
        removed: list[_Row] = []
        for row in side:
            row = self._rows[id(row)]
            y = row.lines[0].y
            distance = min(y - page.bottom, page.top - y)
            is_running = (not height or distance < _RUNNING_MARGIN * height) and self._is_running(row)
            is_number = row.stands_apart and distance < _NUMBER_MARGIN * height and self._is_page_number(row)
            if not is_running and not is_number:
                break
            if is_number or not self._keeps_as_title(row):
                removed.append(row)
        # A row close to the text is part of the text.
        while removed and not removed[-1].stands_apart:
            removed.pop()
        return removed

    def _regular_places(self, rows: list[_Row]) -> dict[tuple[str, int], bool]:
        """Return the places of running lines, each with whether a separate line there may be one without a repeat."""
        row_counts: Counter[tuple[str, int]] = Counter()
        repeat_counts: Counter[tuple[str, int]] = Counter()
        apart_counts: Counter[tuple[str, int]] = Counter()
        for row in rows:
            row_counts[row.place] += 1
            apart_counts[row.place] += row.stands_apart
            is_repeated = self._repeats[(*row.place, row.text)] >= _MIN_REPEATS
            repeat_counts[row.place] += (
                row.has_page_number or is_repeated or (*row.place, row.text, row.page) in self._pairs
            )
        regular: dict[tuple[str, int], bool] = {}
        for place, count in repeat_counts.items():
            total = sum(repeat_counts[place[0], height] for height in _around(place[1]))
            # Even and odd pages, and pages before chapters, may differ.
            if total >= max(_MIN_REPEATS, _MIN_SHARE * self._style.pages):
                regular[place] = apart_counts[place] > 0.7 * row_counts[place] and count > 0.5 * row_counts[place]
        return regular

    def _is_running(self, row: _Row) -> bool:
        if row.place not in self._regular:
            return False
        repeats = self._repeats[(*row.place, row.text)]
        if row.has_page_number:
            is_small = bool(row.text) or row.size <= _MAX_NUMBER_SIZE * self._style.largest
            return is_small and (row.stands_apart or repeats >= _MIN_REPEATS)
        if row.size > self._style.largest:
            return repeats >= max(_MIN_LARGE_REPEATS, _MIN_LARGE_SHARE * self._style.pages)
        if repeats >= _MIN_REPEATS:
            return True
        may_be_running = self._regular[row.place] and row.stands_apart
        return may_be_running and ((*row.place, row.text, row.page) in self._pairs or self._is_title(row))

    def _is_page_number(self, row: _Row) -> bool:
        is_expected = row.has_page_number or row.place in self._regular or self._has_page_numbers
        is_number = is_expected and _lone_number(row) is not None
        return is_number and row.size <= _MAX_NUMBER_SIZE * self._style.largest

    def _keeps_as_title(self, row: _Row) -> bool:
        """Return whether to keep a running line as a title: the first of its text, if no other line has this title."""
        looks_like_title = row.size > self._style.largest or (
            self._style.bold_is_title and all(line.is_bold for line in row.lines)
        )
        key = (row.side, row.text)
        if not looks_like_title or row.has_page_number or key in self._kept_titles or self._is_title(row):
            return False
        self._kept_titles.add(key)
        return True

    def _is_title(self, row: _Row) -> bool:
        """Return whether a large or bold line that is not at the place of running lines has the letters of this row."""
        if self._titles is None:
            edge_line_ids = {
                id(line) for other in self._rows.values() if other.place in self._regular for line in other.lines
            }
            self._titles = {
                _letters(line.text[:200])
                for page in self._pages
                for line in page.lines
                if (line.size > self._style.largest or line.is_bold) and id(line) not in edge_line_ids
            }
        letters = _letters(row.text)
        return bool(letters) and letters in self._titles


def _style(pages: list[PageLines]) -> _Style:
    sizes: Counter[float] = Counter()
    bold_chars = 0
    for page in pages:
        for line in page.lines:
            length = len(line.text)
            sizes[round(line.size * 2) / 2] += length
            bold_chars += length if line.is_bold else 0
    usual = sizes.most_common(1)[0][0] if sizes else 10.0
    return _Style(_LARGE * usual, bold_chars < 0.3 * sizes.total(), sum(bool(page.lines) for page in pages))


def _on_pages_in_a_row(rows: list[_Row]) -> set[tuple[str, int, str, int]]:
    """Return the places, texts and pages of rows that also occur on one of the two pages before or after."""
    keys = {(*row.place, row.text, row.page) for row in rows}
    return {
        (side, height, text, page)
        for side, height, text, page in keys
        if any((side, height, text, page + step) in keys for step in (-2, -1, 1, 2))
    }


def _around(height: int) -> Iterable[int]:
    return height - 1, height, height + 1


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text.casefold())
