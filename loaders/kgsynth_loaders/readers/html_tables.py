"""Tables of HTML as rows of Markdown, and which of them only place blocks on a page."""

import re
from dataclasses import dataclass, field
from typing import Any

from kgsynth_loaders.readers.html_elements import PRE_TAGS, Element, is_heading

_MAX_SPAN = 60


def layout_tables(root: Element) -> set[Element]:
    """Tables that place blocks on a page and hold no rows of data."""
    from lxml import etree

    layout: set[Element] = set()
    # Of each: the table, cells of its row, most cells of a row, whether it has header cells and a cell over columns.
    open_tables: list[list[Any]] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        if tag == "table":
            if event == "start":
                if open_tables and not open_tables[-1][3]:
                    layout.add(open_tables[-1][0])
                open_tables.append([element, 0, 0, False, False])
            else:
                table, _, most, has_header, _ = open_tables.pop()
                names = f"{table.get('role') or ''} {table.get('class') or ''}"
                if (most < 2 and not has_header) or re.search(r"presentation|ltx_eq|highlighttable|rouge-table", names):
                    layout.add(table)
        elif event == "start" and open_tables:
            current = open_tables[-1]
            if tag == "tr":
                current[1] = 0
            elif tag in ("td", "th"):
                current[1] += 1
                current[2] = max(current[1], current[2])
                current[3] |= tag == "th"
                current[4] = _span(element.get("colspan")) > 1
            elif (is_heading(tag) and not current[4]) or (tag in PRE_TAGS and _has_lines(element)):
                layout.add(current[0])
    return layout


def _has_lines(element: Element) -> bool:
    return element.find(".//br") is not None or any("\n" in text.strip() for text in element.itertext())


@dataclass(slots=True)
class Table:
    """Rows of cells so far, with which rows are headers, and what spans into later rows."""

    rows: list[list[str]] = field(default_factory=list)
    headers: list[bool] = field(default_factory=list)
    spans: dict[int, int] = field(default_factory=dict)
    is_row_open: bool = False

    def open_row(self) -> None:
        """Begin a row with the cells that span into it."""
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
        """Add a cell to the open row, with an empty one for each further column that it spans."""
        row = self.rows[-1]
        down = _span(cell.get("rowspan"))
        for place in range(_span(cell.get("colspan")) if len(row) < _MAX_SPAN else 1):
            if down > 1 and len(row) < _MAX_SPAN:
                self.spans[len(row)] = down - 1
            row.append("" if place else text)
        self._fill()
        self.headers[-1] &= cell.tag == "th"

    def lines(self) -> list[str]:
        """The rows that hold text, as lines of Markdown."""
        kept = [(row, header) for row, header in zip(self.rows, self.headers, strict=True) if any(row)]
        width = min(max((len(row) for row, _ in kept), default=0), _MAX_SPAN)
        lines: list[str] = []
        is_head = bool(kept and kept[0][1] and len(kept) > 1)
        for row, header in kept:
            if is_head and not header:
                lines.append("|" + "---|" * max(width, 1))
                is_head = False
            lines.append("| " + " | ".join(row + [""] * (width - len(row))) + " |")
        return lines


def _span(value: str | None) -> int:
    digits = (value or "").strip()
    return min(max(int(digits), 1), _MAX_SPAN) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 1
