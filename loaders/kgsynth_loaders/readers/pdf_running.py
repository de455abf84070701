"""Running heads, running feet and page numbers: lines at the edge of pages that are no part of their text.

A running line repeats the same words at the same height of several pages, or holds a number that rises with the pages.
All else stays: titles of slides, numbered exercises, footnotes at one height.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kgsynth_loaders.readers.pdf_line import Line

# So many lines at each edge of a page may be running heads.
_EDGE_LINES = 3
_MIN_REPEATS = 3
# Share of pages on which a place must hold a text that repeats.
_MIN_SHARE = 0.4
# The same height, in points.
_SAME_HEIGHT = 4
# Parts of a page's height at its edges where a lone number is a page number, and where running lines stand.
_NUMBER_MARGIN = 0.13
_RUNNING_MARGIN = 0.2
# A line over so many times the size of the running text is a title, unless it stands on most pages.
_LARGE = 1.12
# Page numbers are at most so many times that size.
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
    """A number in a row that may be that of its page.

    Attributes:
        offset: what it exceeds the index of its page by.
        words: the row without it.
        is_marked: it stands in a cell of its own, or beside a word or sign for page numbers.
    """

    offset: int
    words: str
    is_marked: bool


class _Row(NamedTuple):
    """Lines of one height at the edge of a page: the edge (`top`, `bottom`), the height in steps, the text."""

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
    """The largest size of running text, whether bold lines are titles, how many pages have lines."""

    largest: float
    bold_is_title: bool
    pages: int


def without_running_lines(pages: list[PageLines]) -> list[list[Line]]:
    """The lines of each page without running heads, running feet and page numbers.

    A row of lines is one where its text, apart from the number of its page, stands at the same height on three pages or
    more, and that place holds such texts on most pages, even or odd ones; where it holds a number that rises with the
    pages; or where it is a lone number in the margin. Of a row that looks like a title the first one stays. Where
    most pages would lose all their lines, these keep them.
    """
    rows = [_edges(page, number) for number, page in enumerate(pages)]
    remover = _Remover(pages, [row for of_page in rows for side in of_page for row in side])
    out: list[list[Line]] = []
    for page, of_page in zip(pages, rows, strict=True):
        ids = {id(line) for side in of_page for row in remover.removed(side, page) for line in row.lines}
        out.append([line for line in page.lines if id(line) not in ids] if ids else page.lines)
    emptied = sum(bool(page.lines) and not lines for page, lines in zip(pages, out, strict=True))
    if emptied <= _MAX_EMPTIED_SHARE * len(pages):
        return out
    return [lines or page.lines for page, lines in zip(pages, out, strict=True)]


def _edges(page: PageLines, number: int) -> tuple[list[_Row], list[_Row]]:
    """The rows at the top and at the bottom of a page, each from the edge inwards."""
    rows: list[list[Line]] = []
    for line in sorted((line for line in page.lines if not line.is_rotated), key=lambda line: -line.y):
        if rows and rows[-1][0].y - line.y < 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    found: tuple[list[_Row], list[_Row]] = ([], [])
    for side, name, ordered in ((0, "top", rows), (1, "bottom", rows[::-1])):
        for row, inner in zip(ordered[:_EDGE_LINES], [*ordered[1 : _EDGE_LINES + 1], None], strict=False):
            row.sort(key=lambda line: line.x0)
            height = row[0].y
            apart = inner is not None and abs(inner[0].y - height) > 1.6 * max(row[0].size, inner[0].size)
            text = " ".join(line.text for line in row).casefold()[:200]
            found[side].append(_Row(name, round(height / _SAME_HEIGHT), text, number, row, apart))
    return found


# --- Page numbers


def _numbers(row: _Row) -> Iterator[_Number]:
    """The numbers of a row that may be that of its page."""
    cells = [cell.text.strip().casefold()[:200] for line in row.lines for cell in line.cells]
    for place, text in enumerate(cells):
        value = _page_number(text)
        if value is not None:
            yield _Number(value - row.page, " ".join([*cells[:place], *cells[place + 1 :]]), True)
    if not _DIGIT.search(row.text) or row.text.endswith(_SENTENCE_END) or any(line.is_bold for line in row.lines):
        return
    if found := _NUMBER_AT_END.search(row.text):
        yield _Number(int(found["number"]) - row.page, row.text[: found.start()].strip(), bool(found["mark"]))
    if found := _NUMBER_AT_START.match(row.text):
        is_marked = bool(found["mark"] or found["word"])
        yield _Number(int(found["number"]) - row.page, row.text[found.end() :].strip(), is_marked)


def _page_number(text: str) -> int | None:
    """The number that a text such as `– 12 –`, `xii` or `Page 3 of 9` is; None where it is none."""
    found = _NUMBER.match(text.strip()[:40])
    if not found:
        return None
    number = found["number"].casefold()
    if number.isdecimal():
        return int(number)
    if found["chapter"] or not _ROMAN.fullmatch(number):
        return None
    digits = [_ROMAN_DIGITS[digit] for digit in number]
    value = sum(-one if one < after else one for one, after in zip(digits, [*digits[1:], 0], strict=True))
    return value if value < _MAX_ROMAN else None


def _lone_number(row: _Row) -> int | None:
    """The page number that a row is and nothing else; None where it is none."""
    return _page_number(row.lines[0].text) if len(row.lines) == 1 else None


def _with_page_numbers(rows: list[_Row]) -> Iterator[_Row]:
    """The rows, those with a number that rises with the pages without that number."""
    numbers = [list(_numbers(row)) for row in rows]
    marked: Counter[tuple[str, int, int]] = Counter()
    plain: Counter[tuple[str, int, int, str]] = Counter()
    for row, found in zip(rows, numbers, strict=True):
        for one in found:
            for height in _around(row.height):
                if one.is_marked:
                    marked[row.side, height, one.offset] += 1
                elif " " in one.words:
                    plain[row.side, height, one.offset, one.words] += 1
    known = {key for key, count in marked.items() if count >= _MIN_REPEATS}
    known |= {key[:3] for key, count in plain.items() if count >= _MIN_REPEATS}
    for row, found in zip(rows, numbers, strict=True):
        own = next((one for one in found if (row.side, row.height, one.offset) in known), None)
        yield row if own is None else row._replace(text=own.words, has_page_number=True)


def _lone_numbers_are_of_pages(rows: list[_Row]) -> bool:
    """Whether lone numbers rise with the pages, as results of exercises do not; true where there is but one."""
    alone = [(row, _lone_number(row)) for row in rows if row.stands_apart]
    values = {(*row.place, row.page): value for row, value in alone if value is not None}
    beside = rising = 0
    for (side, height, page), value in values.items():
        steps = [
            (values[side, other, page + step] - value, step)
            for other in _around(height)
            for step in (-2, -1, 1, 2)
            if (side, other, page + step) in values
        ]
        beside += bool(steps)
        rising += any(rise == step for rise, step in steps)
    return rising >= 0.5 * beside


# --- Rows that repeat


class _Remover:
    """Tells which rows at the edges of a document's pages are running lines.

    Args:
        pages: of the document.
        rows: at the edges of all pages.
    """

    def __init__(self, pages: list[PageLines], rows: list[_Row]) -> None:
        self._pages = pages
        self._style = _style(pages)
        self._has_page_numbers = _lone_numbers_are_of_pages(rows)
        places = [id(row) for row in rows]
        rows = list(_with_page_numbers(rows))
        self._rows = dict(zip(places, rows, strict=True))
        self._repeats = Counter((row.side, height, row.text) for row in rows for height in _around(row.height))
        self._pairs = _on_pages_in_a_row(rows)
        self._regular = self._regular_places(rows)
        self._kept_titles: set[tuple[str, str]] = set()
        self._titles: set[str] | None = None

    def removed(self, side: list[_Row], page: PageLines) -> list[_Row]:
        """The rows of one edge of a page, from the edge inwards, that are no part of the text."""
        height = page.top - page.bottom
        removed: list[_Row] = []
        for row in side:
            row = self._rows[id(row)]
            y = row.lines[0].y
            distance = min(y - page.bottom, page.top - y)
            is_out = (not height or distance < _RUNNING_MARGIN * height) and self._is_running(row)
            is_number = row.stands_apart and distance < _NUMBER_MARGIN * height and self._is_page_number(row)
            if not is_out and not is_number:
                break
            if is_number or not self._keeps_as_title(row):
                removed.append(row)
        # What stands close to the text is part of it.
        while removed and not removed[-1].stands_apart:
            removed.pop()
        return removed

    def _regular_places(self, rows: list[_Row]) -> dict[tuple[str, int], bool]:
        """The places of running lines; true where a line that stands apart there may be one that does not repeat."""
        held: Counter[tuple[str, int]] = Counter()
        repeated: Counter[tuple[str, int]] = Counter()
        apart: Counter[tuple[str, int]] = Counter()
        for row in rows:
            held[row.place] += 1
            apart[row.place] += row.stands_apart
            is_repeated = self._repeats[(*row.place, row.text)] >= _MIN_REPEATS
            repeated[row.place] += row.has_page_number or is_repeated or (*row.place, row.text, row.page) in self._pairs
        regular: dict[tuple[str, int], bool] = {}
        for place, count in repeated.items():
            total = sum(repeated[place[0], height] for height in _around(place[1]))
            # Even and odd pages, and pages before chapters, may differ.
            if total >= max(_MIN_REPEATS, _MIN_SHARE * self._style.pages):
                regular[place] = apart[place] > 0.7 * held[place] and count > 0.5 * held[place]
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
        may_be = self._regular[row.place] and row.stands_apart
        return may_be and ((*row.place, row.text, row.page) in self._pairs or self._is_title(row))

    def _is_page_number(self, row: _Row) -> bool:
        is_expected = row.has_page_number or row.place in self._regular or self._has_page_numbers
        is_number = is_expected and _lone_number(row) is not None
        return is_number and row.size <= _MAX_NUMBER_SIZE * self._style.largest

    def _keeps_as_title(self, row: _Row) -> bool:
        """Whether a running line is the first of its text and looks like a title that the text has nowhere else."""
        looks_like_title = row.size > self._style.largest or (
            self._style.bold_is_title and all(line.is_bold for line in row.lines)
        )
        key = (row.side, row.text)
        if not looks_like_title or row.has_page_number or key in self._kept_titles or self._is_title(row):
            return False
        self._kept_titles.add(key)
        return True

    def _is_title(self, row: _Row) -> bool:
        """Whether a large or bold line of the text, away from the edges, has the letters of a row."""
        if self._titles is None:
            edges = {id(line) for one in self._rows.values() if one.place in self._regular for line in one.lines}
            self._titles = {
                _letters(line.text[:200])
                for page in self._pages
                for line in page.lines
                if (line.size > self._style.largest or line.is_bold) and id(line) not in edges
            }
        letters = _letters(row.text)
        return bool(letters) and letters in self._titles


def _style(pages: list[PageLines]) -> _Style:
    sizes: Counter[float] = Counter()
    bold = 0
    for page in pages:
        for line in page.lines:
            length = len(line.text)
            sizes[round(line.size * 2) / 2] += length
            bold += length if line.is_bold else 0
    usual = sizes.most_common(1)[0][0] if sizes else 10.0
    return _Style(_LARGE * usual, bold < 0.3 * sizes.total(), sum(bool(page.lines) for page in pages))


def _on_pages_in_a_row(rows: list[_Row]) -> set[tuple[str, int, str, int]]:
    """The texts with their places that stand on a page and on one of the two pages before or after it."""
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
