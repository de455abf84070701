"""Running heads, running feet and page numbers: lines at the edge of pages that are no part of their text."""

import re
from collections import Counter
from typing import NamedTuple

from kgsynth_loaders.readers.pdf_page import Line

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
_NUMBER = re.compile(
    r"\A(?:(?:page|p\.|seite|página|pagina)\s*)?[-–—|\[(\s]{0,3}(?:\d{1,4}|[ivxlcdm]{1,8}|[A-Z]{1,2}-\d{1,3})[-–—|\])\s]{0,3}"
    r"(?:(?:of|/|von|de|sur)\s*\d{1,4})?\Z",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"\d+|\b[ivxlcdm]{1,8}\b", re.IGNORECASE)


class PageLines(NamedTuple):
    """The lines of a page in reading order, and the heights of its lower and upper edge in points."""

    lines: list[Line]
    bottom: float
    top: float


class _Edge(NamedTuple):
    """Lines of one height at the edge of a page: the edge (`top`, `bottom`), the height, the text without numbers."""

    side: str
    height: int
    text: str
    page: int
    lines: list[Line]
    stands_apart: bool

    @property
    def place(self) -> tuple[str, int]:
        return self.side, self.height


def without_running_lines(pages: list[PageLines]) -> list[list[Line]]:
    """The lines of each page without running heads, running feet and page numbers.

    A line is one where its text, numbers aside, stands at the same height on three pages or more, and that place holds
    such texts on most pages, even or odd ones; or where it is a lone number in the margin.
    """
    edges = [_edges(page, number) for number, page in enumerate(pages)]
    every = [edge for of_page in edges for side in of_page for edge in side]
    repeats = Counter((edge.side, edge.height + step, edge.text) for edge in every for step in (-1, 0, 1))
    pairs = _on_pages_in_a_row(every)
    regular = _regular_places(every, repeats, pairs, len(pages))
    out: list[list[Line]] = []
    for page, of_page in zip(pages, edges, strict=True):
        removed: set[int] = set()
        for side in of_page:
            removed |= _removed(side, page, repeats, regular)
        out.append([line for line in page.lines if id(line) not in removed] if removed else page.lines)
    return out


def _edges(page: PageLines, number: int) -> tuple[list[_Edge], list[_Edge]]:
    """The lines at the top and at the bottom of a page, each from the edge inwards."""
    rows: list[list[Line]] = []
    for line in sorted((line for line in page.lines if not line.is_rotated), key=lambda line: -line.y):
        if rows and rows[-1][0].y - line.y < 2:
            rows[-1].append(line)
        else:
            rows.append([line])
    found: tuple[list[_Edge], list[_Edge]] = ([], [])
    for side, name, ordered in ((0, "top", rows), (1, "bottom", rows[::-1])):
        for row, inner in zip(ordered[:_EDGE_LINES], [*ordered[1 : _EDGE_LINES + 1], None], strict=False):
            row.sort(key=lambda line: line.x0)
            text = _NUMBERS.sub("#", " ".join(line.text for line in row).casefold()[:200])
            height = row[0].y
            apart = inner is not None and abs(inner[0].y - height) > 1.6 * max(row[0].size, inner[0].size)
            found[side].append(_Edge(name, round(height / _SAME_HEIGHT), text, number, row, apart))
    return found


def _is_page_number(edge: _Edge) -> bool:
    """Whether a row is only the number of its page."""
    return len(edge.lines) == 1 and _NUMBER.match(edge.lines[0].text.strip()[:40]) is not None


def _on_pages_in_a_row(edges: list[_Edge]) -> set[tuple[str, int, str, int]]:
    """The texts with their places that stand on a page and on one of the two pages before or after it."""
    keys = {(*edge.place, edge.text, edge.page) for edge in edges}
    return {
        (side, height, text, page)
        for side, height, text, page in keys
        if any((side, height, text, page + step) in keys for step in (-2, -1, 1, 2))
    }


def _regular_places(
    edges: list[_Edge],
    repeats: Counter[tuple[str, int, str]],
    pairs: set[tuple[str, int, str, int]],
    pages: int,
) -> dict[tuple[str, int], bool]:
    """The places of running lines; true where any line that stands apart there is one."""
    held: Counter[tuple[str, int]] = Counter()
    repeated: Counter[tuple[str, int]] = Counter()
    apart: Counter[tuple[str, int]] = Counter()
    for edge in edges:
        held[edge.place] += 1
        apart[edge.place] += edge.stands_apart
        is_repeated = repeats[(*edge.place, edge.text)] >= _MIN_REPEATS
        repeated[edge.place] += is_repeated or (*edge.place, edge.text, edge.page) in pairs
    regular: dict[tuple[str, int], bool] = {}
    for place, count in repeated.items():
        around = [(place[0], place[1] + step) for step in (-1, 0, 1)]
        total = sum(repeated[one] for one in around)
        # Even and odd pages, and pages before chapters, may differ.
        if total >= max(_MIN_REPEATS, _MIN_SHARE * pages):
            regular[place] = apart[place] > 0.7 * held[place] and count > 0.5 * held[place]
    return regular


def _removed(
    side: list[_Edge],
    page: PageLines,
    repeats: Counter[tuple[str, int, str]],
    regular: dict[tuple[str, int], bool],
) -> set[int]:
    height = page.top - page.bottom
    removed: list[_Edge] = []
    for edge in side:
        line = edge.lines[0]
        distance = min(line.y - page.bottom, page.top - line.y)
        if edge.place in regular and (not height or distance < _RUNNING_MARGIN * height):
            is_repeated = repeats[(*edge.place, edge.text)] >= _MIN_REPEATS
            is_out = is_repeated or (regular[edge.place] and edge.stands_apart)
        else:
            is_out = False
        is_number = edge.stands_apart and distance < _NUMBER_MARGIN * height and _is_page_number(edge)
        if not is_out and not is_number:
            break
        removed.append(edge)
    # What stands close to the text is part of it.
    while removed and not removed[-1].stands_apart:
        removed.pop()
    return {id(line) for edge in removed for line in edge.lines}
