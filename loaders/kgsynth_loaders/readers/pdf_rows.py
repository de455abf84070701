"""Join the lines of table rows whose cells have several lines and are drawn cell by cell."""

from collections.abc import Iterator
from itertools import pairwise

from kgsynth_loaders.readers.pdf_line import Cell, Line

_MAX_CELL_LINES = 30
_MAX_ROW_LINES = 200
# In ems: minimum gap between cells, maximum distance of baselines within a cell, and tolerance for the same height.
_GAP = 0.4
_LEADING = 1.7
_LEVEL = 0.6
# Wrapped text has more characters per line than this.
_LEAST_WRAPPED = 8


def with_rows(lines: list[Line]) -> list[Line]:
    """Return the lines, with the cells that are beside each other and drawn one after the other as one line per row.

    A row is recognised by a line that is drawn to the right of the previous lines and above them. The cells of a row
    may be aligned at their top, bottom or middle.
    """
    joined: list[Line] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        goes_up = joined and line.y > joined[-1].y + 0.4 * line.size
        row_span = _row(joined, lines, place) if goes_up else None
        if joined and _ends_row(joined[-1], line):
            *cells, last_cell = _pieces(joined[-1])
            continuation, *other_cells = _pieces(line)
            joined[-1] = _row_of(
                [*([cell] for cell in cells), [last_cell, continuation], *([cell] for cell in other_cells)]
            )
            place += 1
        elif row_span is None:
            joined.append(line)
            place += 1
        else:
            start, row, place = row_span
            joined[start:] = [row]
    return joined


def _ends_row(row: Line, line: Line) -> bool:
    """Return whether a line continues the last cell of a row and also contains the cells at its right."""
    if len(row.cells) < 2 or len(line.cells) < 2 or row.rise or not 0 < row.y - line.y < 1.4 * line.size:
        return False
    last_cell = row.cells[-1]
    is_below = abs(line.x0 - last_cell.x0) < 0.2 * line.size and line.cells[1].x0 > last_cell.x1 + line.size
    return is_below and len(last_cell.text) > _LEAST_WRAPPED and " " in last_cell.text and line.text[:1].islower()


def _row(previous: list[Line], lines: list[Line], place: int) -> tuple[int, Line, int] | None:
    """Return the row whose cells at the right begin at `place`, or None.

    Args:
        previous: the lines before `place`, with rows joined.
        lines: all lines of the page.
        place: index in `lines`.

    Returns:
        The index in `previous` at which the row starts, the row, and the index in `lines` after it.
    """
    start = _start_of_stack(previous, lines[place])
    if start is None:
        return None
    stack = previous[start:]
    cells, stop = _cells(stack, lines, place)
    if not cells:
        return None
    right_cell = cells[0]
    top_index = next(
        (number for number, line in enumerate(stack) if abs(line.y - right_cell[0].y) <= _LEVEL * line.size), None
    )
    if top_index is not None:
        is_row = right_cell[0].y > stack[-1].y + 0.8 * right_cell[0].size
        start, stack = start + top_index, stack[top_index:]
    else:
        is_row = _is_level(stack, right_cell) and _wraps(stack, right_cell)
    if not is_row or any(len(line.cells) > 1 for line in stack[1:]):
        return None
    *left_cells, last_left_cell = _pieces(stack[0])
    return start, _row_of([*([line] for line in left_cells), [last_left_cell, *stack[1:]], *cells]), stop


def _start_of_stack(previous: list[Line], line: Line) -> int | None:
    """Return the index in the previous lines at which the cell to the left of a line begins; None if there is none."""
    start = len(previous)
    while start and len(previous) - start <= _MAX_CELL_LINES:
        candidate = previous[start - 1]
        if candidate.x1 >= line.x0 - _GAP * line.size or candidate.y > line.y + _LEVEL * line.size:
            break
        if (
            start < len(previous)
            and not 0 < candidate.y - previous[start].y - previous[start].rise < 2 * _LEADING * line.size
        ):
            break
        if len(candidate.cells) > 1:
            # The last cell of this line may be the first line of the left cell.
            is_above = (
                start < len(previous)
                and abs(candidate.cells[-1].x0 - previous[start].x0) < 0.5 * line.size
                and not candidate.rise
            )
            return start - is_above if start - is_above < len(previous) else None
        start -= 1
    return start if start < len(previous) else None


def _is_level(stack: list[Line], right: list[Line]) -> bool:
    """Return whether two cells are aligned at their bottom or middle."""
    limit = _LEVEL * right[0].size
    bottom_difference = stack[-1].y - right[-1].y
    middle_difference = (stack[0].y + stack[-1].y - right[0].y - right[-1].y) / 2
    return abs(bottom_difference) <= limit or abs(middle_difference) <= limit


def _wraps(stack: list[Line], right: list[Line]) -> bool:
    """Return whether the right of two cells is wrapped text, unlike a fraction beside a sign."""
    is_long = len(right) > len(stack) and len(right[0].text) > _LEAST_WRAPPED and " " in right[0].text
    return is_long and all(abs(line.size - stack[0].size) < 0.15 * line.size for line in right)


def _cells(stack: list[Line], lines: list[Line], place: int) -> tuple[list[list[Line]], int]:
    """Return the cells, as lists of lines, to the right of a cell, and the index in `lines` after them.

    There are no cells if only a part of a line belongs to them.

    Args:
        stack: lines of the cell at the left.
        lines: lines of the page.
        place: index of the first line of the next cell.
    """
    edge = max(cell_line.x1 for cell_line in stack)
    cells: list[list[Line]] = []
    top = bottom = lines[place].y
    for number in range(place, min(len(lines), place + _MAX_ROW_LINES)):
        for piece_number, piece in enumerate(_pieces(lines[number])):
            gap, level = _GAP * piece.size, _LEVEL * piece.size
            right = max((cell_line.x1 for cell_line in cells[-1]), default=edge) if cells else edge
            if piece.x0 > right + gap and (not cells or bottom - level <= piece.y <= top + level):
                edge = right
                cells.append([piece])
            elif cells and _continues_below(cells[-1], piece, edge):
                cells[-1].append(piece)
            else:
                return ([], place) if piece_number else (cells, number)
            bottom = min(bottom, piece.y)
    return cells, min(len(lines), place + _MAX_ROW_LINES)


def _continues_below(cell: list[Line], piece: Line, edge: float) -> bool:
    """Return whether a piece is the next line of a cell that begins to the right of `edge`."""
    is_below = 0 < cell[-1].y - piece.y < _LEADING * piece.size
    return is_below and piece.x0 > edge + _GAP * piece.size and len(cell) <= _MAX_CELL_LINES


def _pieces(line: Line) -> Iterator[Line]:
    """Yield each cell of a line as a line."""
    if len(line.cells) == 1:
        yield line
        return
    for cell in line.cells:
        piece = Line(line.y, line.size, [cell], is_bold=line.is_bold)
        piece.is_hyphenated = line.is_hyphenated and cell is line.cells[-1]
        yield piece


def _row_of(cells: list[list[Line]]) -> Line:
    """Return one line from cells that have several lines each."""
    row_cells = []
    for lines in cells:
        text = lines[0].text
        for previous, line in pairwise(lines):
            text += ("" if previous.is_hyphenated else " ") + line.text
        row_cells.append(Cell(min(line.x0 for line in lines), max(line.x1 for line in lines), text))
    bottom = min(line.y for lines in cells for line in lines)
    row = Line(bottom, cells[0][0].size, row_cells, is_bold=all(line.is_bold for lines in cells for line in lines))
    row.rise = max(line.y for lines in cells for line in lines) - bottom
    return row
