"""Sort the lines of a page into reading order: column after column, with the cells of a row side by side."""

from bisect import bisect_left
from collections import Counter
from itertools import pairwise

from kgsynth_loaders.readers.pdf_line import Cell, Line
from kgsynth_loaders.readers.pdf_rows import with_rows

_MIN_COLUMN_LINES = 4
_MAX_COLUMN_SPLITS = 4
# Minimum mean number of characters of the lines of a column.
_MIN_COLUMN_CHARS = 18


def in_reading_order(lines: list[Line]) -> list[Line]:
    """Return lines column by column; lines across the columns divide these into bands from top to bottom."""
    return _columns(lines, _MAX_COLUMN_SPLITS)


def _columns(lines: list[Line], splits: int) -> list[Line]:
    start = _second_column(lines) if splits else None
    if start is None:
        return _downwards(lines)
    sides = [half for line in lines for half in _cut(line, start)]
    across = sorted((line for line, side in sides if side < 0), key=lambda line: -line.y)
    heights = [-line.y for line in across]
    bands: list[tuple[list[Line], list[Line]]] = [([], []) for _ in range(len(across) + 1)]
    for line, side in sides:
        if side >= 0:
            bands[bisect_left(heights, -line.y)][side].append(line)
    ordered = _band(bands[0], splits)
    for line, band in zip(across, bands[1:], strict=True):
        ordered += [line, *_band(band, splits)]
    return ordered


def _band(band: tuple[list[Line], list[Line]], splits: int) -> list[Line]:
    ordered: list[Line] = []
    for column in band:
        column_lines = _columns(column, splits - 1)
        if column_lines:
            column_lines[0].starts_column = True
        ordered.extend(column_lines)
    return ordered


def _cut(line: Line, start: float) -> list[tuple[Line, int]]:
    """Return a line or its two halves, each with its side of `start`: 0 left, 1 right, -1 across.

    Args:
        line: a line.
        start: x coordinate at which the right column starts.
    """
    edge = start - 0.3 * line.size
    left = [cell for cell in line.cells if cell.x1 <= edge]
    right = [cell for cell in line.cells if cell.x0 >= edge]
    if len(left) + len(right) < len(line.cells):
        return [(line, -1)]
    if not left or not right:
        return [(line, 0 if left else 1)]
    halves = []
    for side, cells in enumerate((left, right)):
        half = Line(line.y, line.size, cells, is_bold=line.is_bold)
        half.is_hyphenated = line.is_hyphenated and side == 1
        if side == 0 and half.text[-1:] == "-" and half.text[-2:-1].isalpha():
            half.is_hyphenated = True
            half.set_cells([*cells[:-1], cells[-1]._replace(text=cells[-1].text[:-1])])
        halves.append((half, side))
    return halves


def _second_column(lines: list[Line]) -> float | None:
    """Return the x coordinate at which the second column of text starts; None if there is only one column."""
    if len(lines) < 2 * _MIN_COLUMN_LINES and sum(len(line.cells) for line in lines) < 2 * _MIN_COLUMN_LINES:
        return None
    cells = [(cell, line.y) for line in lines for cell in line.cells]
    left_end, right_end = min(cell.x0 for cell, _ in cells), max(cell.x1 for cell, _ in cells)
    width = right_end - left_end
    starts = Counter(round(cell.x0 / 2) for cell, _ in cells if 0.2 * width < cell.x0 - left_end < 0.85 * width)
    for place, count in starts.most_common(3):
        start = min(cell.x0 for cell, _ in cells if round(cell.x0 / 2) == place)
        if count >= _MIN_COLUMN_LINES and _are_columns(cells, start):
            return start
    return None


def _are_columns(cells: list[tuple[Cell, float]], start: float) -> bool:
    """Return whether text is on both sides of an x coordinate, beside each other, and little text across it."""
    left = [(cell, y) for cell, y in cells if cell.x1 <= start - 2]
    right = [(cell, y) for cell, y in cells if cell.x0 >= start - 2]
    if min(len(left), len(right)) < _MIN_COLUMN_LINES or len(cells) - len(left) - len(right) > 0.5 * len(cells):
        return False
    if not (_is_running_text(left) and _is_running_text(right)):
        return False
    top = min(max(y for _, y in left), max(y for _, y in right))
    bottom = max(min(y for _, y in left), min(y for _, y in right))
    beside = sum(bottom <= y <= top for _, y in left) + sum(bottom <= y <= top for _, y in right)
    return beside >= 0.3 * (len(left) + len(right))


def _is_running_text(cells: list[tuple[Cell, float]]) -> bool:
    """Return whether most of a column's text is in lines of about the same length, unlike cells of a table."""
    widths = sorted(cell.x1 - cell.x0 for cell, _ in cells)
    usual_width = widths[int(0.9 * (len(widths) - 1))]
    full_lengths = [len(cell.text) for cell, _ in cells if cell.x1 - cell.x0 > 0.7 * usual_width]
    is_wide = len(full_lengths) >= _MIN_COLUMN_LINES - 1 and sum(full_lengths) >= _MIN_COLUMN_CHARS * len(full_lengths)
    return is_wide and sum(full_lengths) >= 0.5 * sum(len(cell.text) for cell, _ in cells)


def _downwards(lines: list[Line]) -> list[Line]:
    """Return lines in the order of the page's content, with runs of lines sorted if one is drawn after those below it.

    Rows of cells are joined to one line each.
    """
    runs: list[list[Line]] = []
    is_out_of_order = False
    for previous, line in pairwise([None, *with_rows(lines)]):
        assert line is not None
        if previous is None or line.y + line.rise > previous.y + 0.8 * line.size:
            runs.append([line])
            is_out_of_order = is_out_of_order or (previous is not None and _is_above(line, previous))
        else:
            runs[-1].append(line)
    if is_out_of_order:
        runs.sort(key=lambda run: -run[0].y)
    return [line for run in runs for line in run]


def _is_above(line: Line, below: Line) -> bool:
    """Return whether two lines overlap horizontally enough to be above each other: by a third of the narrower one."""
    shared = min(line.x1, below.x1) - max(line.x0, below.x0)
    return shared > 0.35 * min(line.x1 - line.x0, below.x1 - below.x0)
