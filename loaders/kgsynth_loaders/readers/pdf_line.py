"""A line of a PDF page. Coordinates are in points; `y` is the height of the baseline above the bottom of the page."""

from dataclasses import dataclass, field
from typing import NamedTuple

# Gaps from this number of ems separate two cells; a narrower gap may be a wide space between words.
SURE_GAP = 2.0


class Cell(NamedTuple):
    """Text between two wide gaps of a line, with its left and right ends."""

    x0: float
    x1: float
    text: str


@dataclass(slots=True)
class Line:
    """A line of text.

    Attributes:
        y: height of the baseline.
        size: font size in points.
        cells: text divided at wide gaps; must be changed with `set_cells` only.
        text: text of the cells, with a space per wide gap.
        code: text with spaces as wide as drawn if the font has a fixed pitch; else empty.
        pitch: width of a character of a fixed-pitch font, in points.
        is_bold: whether the whole line is bold.
        is_rotated: whether the line is drawn in another direction than most lines.
        is_hyphenated: whether the line ends in a hyphen that divides a word; the text lacks this hyphen.
        is_stretched: whether all gaps are wide and of about the same width.
        starts_column: whether it is the first line of a column.
        rise: height of the first baseline within the cells above that of the line, if cells have several lines.
    """

    y: float
    size: float
    cells: list[Cell]
    text: str = field(init=False, default="")
    code: str = ""
    pitch: float = 0.0
    is_bold: bool = False
    is_rotated: bool = False
    is_hyphenated: bool = False
    is_stretched: bool = False
    starts_column: bool = False
    rise: float = 0.0

    @property
    def x0(self) -> float:
        """Left end of the line."""
        return self.cells[0].x0

    @property
    def x1(self) -> float:
        """Right end of the line."""
        return self.cells[-1].x1

    def __post_init__(self) -> None:
        self.set_cells(self.cells)

    def set_cells(self, cells: list[Cell]) -> None:
        """Replace the cells and the text."""
        self.cells = cells
        self.text = cells[0].text if len(cells) == 1 else " ".join(cell.text for cell in cells)
