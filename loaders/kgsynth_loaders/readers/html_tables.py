"""Write HTML tables as rows of Markdown, and find the tables that are used only for layout."""

import re
from dataclasses import dataclass, field
from typing import Any

from kgsynth_loaders.readers.html_elements import PRE_TAGS, Element, is_heading

_MAX_SPAN = 60


def layout_tables(root: Element) -> set[Element]:
    """Return the tables that are used only for the layout of a page and have no rows of data."""
    from lxml import etree

    layout: set[Element] = set()
    # For each open table: the table, number of cells in the current row, maximum number of cells in a row, whether the
    # table has header cells, and whether the last cell spans several columns.
    open_tables: list[list[Any]] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if tag == "table":
            if event == "start":
                if open_tables and not open_tables[-1][3]:
                    layout.add(open_tables[-1][0])
                open_tables.append([element, 0, 0, False, False])
            else:
                table, _, max_cells, has_header, _ = open_tables.pop()
                names = f"{table.get('role') or ''} {table.get('class') or ''}"
                if (max_cells < 2 and not has_header) or re.search(
                    r"presentation|ltx_eq|highlighttable|rouge-table", names
                ):
                    layout.add(table)
        elif event == "start" and open_tables:
            innermost = open_tables[-1]
            if tag == "tr":
                innermost[1] = 0
            elif tag in ("td", "th"):
                innermost[1] += 1
                innermost[2] = max(innermost[1], innermost[2])
                innermost[3] |= tag == "th"
                innermost[4] = _span(element.get("colspan")) > 1
            elif (is_heading(tag) and not innermost[4]) or (tag in PRE_TAGS and _has_lines(element)):
                layout.add(innermost[0])
    return layout


def _has_lines(element: Element) -> bool:
    return element.find(".//br") is not None or any("\n" in text.strip() for text in element.itertext())


@dataclass(slots=True)
class Table:
    """The rows of a table that have been read so far.

    Attributes:
        rows: text of the cells of each row.
        headers: whether each row consists of header cells.
        spans: for each column, the number of later rows into which its cell still spans.
        is_row_open: whether a row has been opened.
    """

    rows: list[list[str]] = field(default_factory=list)
    headers: list[bool] = field(default_factory=list)
    spans: dict[int, int] = field(default_factory=dict)
    is_row_open: bool = False

    def open_row(self) -> None:
        """Begin a row, with empty cells where cells of earlier rows span into it."""
        self.rows.append([])
        self.headers.append(True)
        self.is_row_open = True
        self._fill()

    def _fill(self) -> None:
        row = self.rows[-1]
        while self.spans.get(len(row)):
            self.spans[len(row)] -= 1
            row.append("")

    def add(self, text: str, cell: Element) -> None:
        """Add a cell to the open row, and an empty cell for each further column that it spans."""
        row = self.rows[-1]
        row_span = _span(cell.get("rowspan"))
        for offset in range(_span(cell.get("colspan")) if len(row) < _MAX_SPAN else 1):
            if row_span > 1 and len(row) < _MAX_SPAN:
                self.spans[len(row)] = row_span - 1
            row.append("" if offset else text)
        self._fill()
        self.headers[-1] &= cell.tag == "th"

    def lines(self) -> list[str]:
        """Return the rows with text as lines of Markdown."""
        rows_with_text = [(row, is_header) for row, is_header in zip(self.rows, self.headers, strict=True) if any(row)]
        width = min(max((len(row) for row, _ in rows_with_text), default=0), _MAX_SPAN)
        lines: list[str] = []
        is_in_head = bool(rows_with_text and rows_with_text[0][1] and len(rows_with_text) > 1)
        for row, is_header in rows_with_text:
            if is_in_head and not is_header:
                lines.append("|" + "---|" * max(width, 1))
                is_in_head = False
            lines.append("| " + " | ".join(row + [""] * (width - len(row))) + " |")
        return lines


def _span(value: str | None) -> int:
    digits = (value or "").strip()
    return min(max(int(digits), 1), _MAX_SPAN) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 1
