"""A line of a page of a PDF. Places are in points; `y` is the height of a base line over the bottom of the page."""

from dataclasses import dataclass, field
from typing import NamedTuple

# Gaps of so many ems part two cells of a row; a narrower one may be a wide blank between words.
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
        y: height of its base line.
        size: of its font, in points.
        cells: its text, cut at wide gaps; to be changed by `set_cells` alone.
        text: that of its cells, with one blank for each wide gap.
        code: its text with blanks as wide as they are drawn, where its font has a fixed pitch; else empty.
        pitch: width of a character of such a font, in points.
        is_bold: its font is bold throughout.
        is_rotated: it is drawn in another direction than most lines.
        is_hyphenated: a hyphen at its end, which its text lacks, parts a word.
        is_stretched: its wide gaps are of about one width, and it has no narrower ones.
        starts_column: it is the first line of a column.
        rise: how far over its base line that of the first line in its cells is, where these hold several.
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
        """Its left end."""
        return self.cells[0].x0

    @property
    def x1(self) -> float:
        """Its right end."""
        return self.cells[-1].x1

    def __post_init__(self) -> None:
        self.set_cells(self.cells)

    def set_cells(self, cells: list[Cell]) -> None:
        """Give it other cells."""
        self.cells = cells
        self.text = cells[0].text if len(cells) == 1 else " ".join(cell.text for cell in cells)
