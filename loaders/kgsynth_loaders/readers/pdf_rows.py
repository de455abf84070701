"""Rows of tables whose cells hold several lines: their lines are drawn cell by cell."""

from collections.abc import Iterator
from itertools import pairwise

from kgsynth_loaders.readers.pdf_line import Cell, Line

_MAX_CELL_LINES = 30
_MAX_ROW_LINES = 200
# In ems: the least gap between cells, the greatest distance of the base lines of one cell, and the same height.
_GAP = 0.4
_LEADING = 1.7
_LEVEL = 0.6
# A line that is wrapped has so many characters.
_LEAST_WRAPPED = 8


def with_rows(lines: list[Line]) -> list[Line]:
    """Lines with those of cells that stand beside each other and are drawn one after the other as one line.

    Such a row is known where a line is drawn to the right of the lines before it, and over them. The cells of a row may
    be level at their top, bottom or middle.
    """
    out: list[Line] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        goes_up = out and line.y > out[-1].y + 0.4 * line.size
        found = _row(out, lines, place) if goes_up else None
        if out and _ends_row(out[-1], line):
            *cells, last = _pieces(out[-1])
            below, *others = _pieces(line)
            out[-1] = _row_of([*([one] for one in cells), [last, below], *([one] for one in others)])
            place += 1
        elif found is None:
            out.append(line)
            place += 1
        else:
            start, row, place = found
            out[start:] = [row]
    return out


def _ends_row(row: Line, line: Line) -> bool:
    """Whether a line goes on with the last cell of a row, and has the cells at the right of it too."""
    if len(row.cells) < 2 or len(line.cells) < 2 or row.rise or not 0 < row.y - line.y < 1.4 * line.size:
        return False
    last = row.cells[-1]
    is_below = abs(line.x0 - last.x0) < 0.2 * line.size and line.cells[1].x0 > last.x1 + line.size
    return is_below and len(last.text) > _LEAST_WRAPPED and " " in last.text and line.text[:1].islower()


def _row(out: list[Line], lines: list[Line], place: int) -> tuple[int, Line, int] | None:
    """A row that ends with the cell that begins at `place`: where in `out` it starts, the row, the place after it."""
    start = _start_of_stack(out, lines[place])
    if start is None:
        return None
    stack = out[start:]
    cells, stop = _cells(stack, lines, place)
    if not cells:
        return None
    right = cells[0]
    top = next((number for number, one in enumerate(stack) if abs(one.y - right[0].y) <= _LEVEL * one.size), None)
    if top is not None:
        is_row = right[0].y > stack[-1].y + 0.8 * right[0].size
        start, stack = start + top, stack[top:]
    else:
        is_row = _is_level(stack, right) and _wraps(stack, right)
    if not is_row or any(len(one.cells) > 1 for one in stack[1:]):
        return None
    *before, first = _pieces(stack[0])
    return start, _row_of([*([one] for one in before), [first, *stack[1:]], *cells]), stop


def _start_of_stack(out: list[Line], line: Line) -> int | None:
    """Where in the lines before a line the lines of its left neighbour begin; None where there is none."""
    start = len(out)
    while start and len(out) - start <= _MAX_CELL_LINES:
        one = out[start - 1]
        if one.x1 >= line.x0 - _GAP * line.size or one.y > line.y + _LEVEL * line.size:
            break
        if start < len(out) and not 0 < one.y - out[start].y - out[start].rise < 2 * _LEADING * line.size:
            break
        if len(one.cells) > 1:
            # Its last cell may be the first line of the neighbour.
            is_above = start < len(out) and abs(one.cells[-1].x0 - out[start].x0) < 0.5 * line.size and not one.rise
            return start - is_above if start - is_above < len(out) else None
        start -= 1
    return start if start < len(out) else None


def _is_level(stack: list[Line], right: list[Line]) -> bool:
    """Whether two cells end at the same height or have their middle there."""
    limit = _LEVEL * right[0].size
    bottoms = stack[-1].y - right[-1].y
    middles = (stack[0].y + stack[-1].y - right[0].y - right[-1].y) / 2
    return abs(bottoms) <= limit or abs(middles) <= limit


def _wraps(stack: list[Line], right: list[Line]) -> bool:
    """Whether the right one of two cells is wrapped text, as a fraction beside a sign is not."""
    is_long = len(right) > len(stack) and len(right[0].text) > _LEAST_WRAPPED and " " in right[0].text
    return is_long and all(abs(line.size - stack[0].size) < 0.15 * line.size for line in right)


def _cells(stack: list[Line], lines: list[Line], place: int) -> tuple[list[list[Line]], int]:
    """The cells, as lists of lines, at the right of a cell, and the place after them.

    Args:
        stack: the lines of the cell at the left.
        lines: of the page.
        place: of the first line of the next cell. There are no cells where only a part of a line belongs to them.
    """
    edge = max(one.x1 for one in stack)
    cells: list[list[Line]] = []
    top = bottom = lines[place].y
    for number in range(place, min(len(lines), place + _MAX_ROW_LINES)):
        for part, piece in enumerate(_pieces(lines[number])):
            gap, level = _GAP * piece.size, _LEVEL * piece.size
            right = max((one.x1 for one in cells[-1]), default=edge) if cells else edge
            if piece.x0 > right + gap and (not cells or bottom - level <= piece.y <= top + level):
                edge = right
                cells.append([piece])
            elif cells and _goes_on_below(cells[-1], piece, edge):
                cells[-1].append(piece)
            else:
                return ([], place) if part else (cells, number)
            bottom = min(bottom, piece.y)
    return cells, min(len(lines), place + _MAX_ROW_LINES)


def _goes_on_below(cell: list[Line], piece: Line, edge: float) -> bool:
    """Whether a piece is the next line of a cell that begins at the right of `edge`."""
    is_below = 0 < cell[-1].y - piece.y < _LEADING * piece.size
    return is_below and piece.x0 > edge + _GAP * piece.size and len(cell) <= _MAX_CELL_LINES


def _pieces(line: Line) -> Iterator[Line]:
    """The cells of a line as lines."""
    if len(line.cells) == 1:
        yield line
        return
    for cell in line.cells:
        piece = Line(line.y, line.size, [cell], is_bold=line.is_bold)
        piece.is_hyphenated = line.is_hyphenated and cell is line.cells[-1]
        yield piece


def _row_of(cells: list[list[Line]]) -> Line:
    """One line of cells that hold several lines each."""
    joined = []
    for lines in cells:
        text = lines[0].text
        for before, line in pairwise(lines):
            text += ("" if before.is_hyphenated else " ") + line.text
        joined.append(Cell(min(line.x0 for line in lines), max(line.x1 for line in lines), text))
    bottom = min(line.y for lines in cells for line in lines)
    row = Line(bottom, cells[0][0].size, joined, is_bold=all(line.is_bold for lines in cells for line in lines))
    row.rise = max(line.y for lines in cells for line in lines) - bottom
    return row
