"""The text of one page of a PDF as lines in reading order, with the places, sizes and fonts that PDFium knows.

PDFium gives the characters of a page in the order of its content, with line ends. A line is made of spans: characters
that one operator draws in one font. Only the ends of spans are looked up, since a call for each character takes longer
than all else. Places are in points; `y` is the height of a base line over the bottom of the page.
"""

import ctypes
import math
import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

# Gaps of so many ems part two cells of a row; a narrower one may be a wide blank between words.
SURE_GAP = 2.0
_CELL_GAP = 1.0
# Between objects and within one a gap of so many ems is a blank.
_BLANK = 0.16
_BLANK_WITHIN = 0.23
# In spans of so few characters PDFium leaves out blanks.
_SHORT = 6
# A span that is wider than so many ems for a character may hold a wide gap.
_USUAL_WIDTH = 0.53
# The same for spans of a few characters, of which a comma may be one.
_LEAST_WIDTH = 0.42
_LINE = re.compile("[^\r\n\x02\ufffe]+[\x02\ufffe]?")
_WORD = re.compile(r"\S+")
_HYPHEN_MARKS = "\x02\ufffe"
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\x00": "", "\xa0": " ", "\t": " "}
)
_FIXED_PITCH_NAME = re.compile(
    r"mono|cour|typewriter|consol|menlo|inconsolata|cmtt|cmsltt|cmitt|cmcsctt|sftt|ectt|txtt|pcrr|"
    r"source.?code|fira.?code|lucida.?console|letter.?gothic",
    re.IGNORECASE,
)
_BOLD_NAME = re.compile(r"bold|black|heavy|cmbx|cmssbx|sfbx|-bd|demi|medi\b|-medi", re.IGNORECASE)
_WIDE_AND_NARROW = "imW.1e"
_WIDE_SCRIPT = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]")
# Some programs draw an accent, then its letter.
_ACCENTS = {"¨": "\u0308", "´": "\u0301", "ˆ": "\u0302", "˜": "\u0303", "ˇ": "\u030c", "˚": "\u030a", "˘": "\u0306"}
_ACCENT = re.compile(f"[{''.join(_ACCENTS)}]")
_ACCENTED = re.compile(f"([{''.join(_ACCENTS)}])([A-Za-zı])")
# The names of TeX and LaTeX as they draw them.
_LOGO = re.compile(r"(L ?(?:\^\{A\}|A) ?)?T ?(?:_\{E\}|E) ?X")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_MIN_COLUMN_LINES = 4
_MAX_COLUMN_SPLITS = 4
# Lines of a column have so many characters on average.
_MIN_COLUMN_CHARS = 18
_MAX_CELL_LINES = 30
_MAX_SCRIPT_CHARS = 12


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


class _Font(NamedTuple):
    is_fixed: bool
    is_bold: bool


class _Span(NamedTuple):
    start: int
    end: int
    x0: float
    x1: float
    y: float
    size: float
    turn: int
    font: _Font


# Words that stand together: the places of their characters, their left and right end.
_Words = tuple[int, int, float, float]


@dataclass(slots=True)
class _Functions:
    """PDFium's functions with plain numbers as arguments, which `ctypes` calls faster."""

    text_object: Any
    font_size: Any
    origin: Any
    box: Any
    matrix: Any
    font: Any
    flags: Any
    base_name: Any
    unicode: Any
    advance: Any
    glyph_width: Any
    box_of_advance: Any
    width: Any = field(default_factory=ctypes.c_float)
    x: Any = field(default_factory=ctypes.c_double)
    y: Any = field(default_factory=ctypes.c_double)
    edges: Any = field(default_factory=lambda: [ctypes.c_double() for _ in range(4)])
    numbers: Any = field(default_factory=lambda: (ctypes.c_float * 6)())


def functions() -> _Functions:
    """PDFium's functions, to be made once for a document."""
    from pypdfium2 import raw

    pointer, number, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_double

    def bound(function: Any, result: Any, *arguments: Any) -> Any:
        return ctypes.CFUNCTYPE(result, *arguments)(ctypes.cast(function, pointer).value or 0)

    return _Functions(
        text_object=bound(raw.FPDFText_GetTextObject, pointer, pointer, number),
        font_size=bound(raw.FPDFText_GetFontSize, real, pointer, number),
        origin=bound(raw.FPDFText_GetCharOrigin, number, pointer, number, pointer, pointer),
        box=bound(raw.FPDFText_GetCharBox, number, pointer, number, pointer, pointer, pointer, pointer),
        matrix=bound(raw.FPDFText_GetMatrix, number, pointer, number, pointer),
        font=bound(raw.FPDFTextObj_GetFont, pointer, pointer),
        flags=bound(raw.FPDFFont_GetFlags, number, pointer),
        base_name=bound(raw.FPDFFont_GetBaseFontName, ctypes.c_size_t, pointer, pointer, ctypes.c_size_t),
        unicode=bound(raw.FPDFText_GetUnicode, ctypes.c_uint, pointer, number),
        advance=bound(raw.FPDFText_GetLooseCharBox, number, pointer, number, pointer),
        glyph_width=bound(raw.FPDFFont_GetGlyphWidth, number, pointer, ctypes.c_uint32, ctypes.c_float, pointer),
        box_of_advance=raw.FS_RECTF(),
    )


def lines_of_page(page: Any, calls: _Functions) -> list[Line]:
    """The lines of a page in reading order; those drawn in another direction come last.

    Args:
        page: a page of pypdfium2.
        calls: what `functions` gave.
    """
    text_page = page.get_textpage()
    try:
        count = text_page.count_chars()
        if count <= 0:
            return []
        reader = _PageReader(ctypes.cast(text_page.raw, ctypes.c_void_p).value or 0, count, calls)
        if len(text := text_page.get_text_range()) == count:
            reader.text = text
        else:
            reader.text = "".join(map(reader.character, range(count)))
        lines = list(reader.lines())
    finally:
        text_page.close()
    upright = [line for line in lines if not line.is_rotated]
    return [*in_reading_order(_joined_at_base_line(upright)), *(line for line in lines if line.is_rotated)]


class _PageReader:
    """Looks up where the characters of one page stand."""

    def __init__(self, handle: int, count: int, calls: _Functions) -> None:
        self.handle = handle
        self.count = count
        self.calls = calls
        self.text = ""
        self.fonts: dict[int, _Font] = {}
        self._x, self._y = ctypes.addressof(calls.x), ctypes.addressof(calls.y)
        self._edges = [ctypes.addressof(edge) for edge in calls.edges]
        self._numbers = ctypes.addressof(calls.numbers)

    def character(self, place: int) -> str:
        code = self.calls.unicode(self.handle, place)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\x00"

    def lines(self) -> Iterator[Line]:
        """The lines in the order of the page's content."""
        found = [(match, list(self._spans(match.start(), match.end()))) for match in _LINE.finditer(self.text)]
        turns = Counter(span.turn for _, spans in found for span in spans)
        turn = turns.most_common(1)[0][0] if turns else 0
        for match, spans in found:
            if spans and _RIGHT_TO_LEFT.search(match.group()):
                yield self._from_right(match.group(), spans, spans[0].turn != turn)
                continue
            has_hyphen = match.group()[-1] in _HYPHEN_MARKS
            rows = _rows(spans)
            for place, row in enumerate(rows):
                line = self._line(row, row[0].turn != turn)
                if line is not None:
                    line.is_hyphenated = line.is_hyphenated or (has_hyphen and place == len(rows) - 1)
                    yield line

    def _spans(self, start: int, end: int) -> Iterator[_Span]:
        """The spans of a line: its characters from `start` to `end`, cut where another object draws them."""
        text, handle, text_object = self.text, self.handle, self.calls.text_object
        while end > start and text[end - 1].isspace():
            end -= 1
        last = text_object(handle, end - 1) if end > start else None
        while start < end:
            drawn_by = None if text[start].isspace() else text_object(handle, start)
            if drawn_by is None:
                start += 1
                continue
            stop = end if drawn_by == last else self._end_of_object(start, end, drawn_by)
            yield self._span(start, stop, drawn_by)
            start = stop

    def _end_of_object(self, start: int, end: int, drawn_by: int) -> int:
        """The place after the last character that an object draws, which draws the one at `start`."""
        text, handle, text_object = self.text, self.handle, self.calls.text_object
        low, high = start, end - 1
        while low + 1 < high:
            middle = (low + high) // 2
            # Blanks that PDFium adds are drawn by no object.
            while middle > low and text[middle].isspace():
                middle -= 1
            if middle == low:
                low = (low + high) // 2
                if text_object(handle, low + 1) != drawn_by and not text[low + 1].isspace():
                    high = low + 1
                continue
            if text_object(handle, middle) == drawn_by:
                low = middle
            else:
                high = middle
        while low > start and text[low].isspace():
            low -= 1
        return low + 1

    def _span(self, start: int, end: int, drawn_by: int) -> _Span:
        calls, handle = self.calls, self.handle
        calls.matrix(handle, start, self._numbers)
        turn, scale = _turn_and_scale(calls.numbers)
        calls.origin(handle, start, self._x, self._y)
        x0, y = _turned(calls.x.value, calls.y.value, turn)
        key = calls.font(drawn_by) or 0
        font = self.fonts.get(key)
        if font is None:
            font = self.fonts[key] = self._font(key)
        size = calls.font_size(handle, start) * scale
        return _Span(start, end, x0, self._right(end - 1, turn), y, abs(size) or 1.0, turn, font)

    def _right(self, place: int, turn: int) -> float:
        """The right end of a character, for a text that is turned by `turn` quarters."""
        self.calls.box(self.handle, place, *self._edges)
        left, right, bottom, top = self.calls.edges
        if turn == 0:
            return float(right.value)
        return float((right.value, top.value, -left.value, -bottom.value)[turn])

    def _font(self, key: int) -> _Font:
        if not key:
            return _Font(False, False)
        buffer = ctypes.create_string_buffer(200)
        self.calls.base_name(key, ctypes.addressof(buffer), 200)
        name = buffer.value.decode("utf-8", "replace")
        flags = max(0, self.calls.flags(key))
        is_bold = _BOLD_NAME.search(name) is not None or bool(flags & 0x40000)
        return _Font(self._is_fixed(key, name, flags), is_bold)

    def _is_fixed(self, key: int, name: str, flags: int) -> bool:
        """Whether a font has a fixed pitch: by what it says, else by the widths of its characters."""
        if flags & 1 or _FIXED_PITCH_NAME.search(name):
            return True
        width = self.calls.width
        widths = []
        for char in _WIDE_AND_NARROW:
            self.calls.glyph_width(key, ord(char), 10.0, ctypes.addressof(width))
            widths.append(width.value)
        # Other widths are those of characters that the font does not have.
        return bool(max(widths) - min(widths) < 0.1 and 4.5 < max(widths) < 8)

    def _line(self, spans: list[_Span], is_rotated: bool) -> Line | None:
        main = spans[0] if len(spans) == 1 else max(spans, key=lambda span: (span.end - span.start) * span.size)
        cells: list[Cell] = []
        parts: list[str] = []
        x0 = spans[0].x0
        before_end, before_x1 = -1, 0.0
        for span in spans:
            for start, end, left, right in self._words(span, main.size):
                gap = left - before_x1
                if parts and gap > _CELL_GAP * main.size:
                    cells.append(Cell(x0, before_x1, "".join(parts)))
                    parts, x0 = [], left
                elif parts and (" " in self.text[before_end:start] or gap > _BLANK * main.size):
                    parts.append(" ")
                parts.append(self._piece(start, end, span, main))
                before_end, before_x1 = end, right
        cells.append(Cell(x0, spans[-1].x1, "".join(parts)))
        return self._finished(spans, main, [cell for cell in cells if cell.text.strip()], is_rotated)

    def _from_right(self, text: str, spans: list[_Span], is_rotated: bool) -> Line:
        """A line that is written from right to left, which PDFium gives in the order of its letters."""
        ends = [end for span in spans for end in (span.x0, span.x1)]
        text = text.strip().translate(_LIGATURES).strip(_HYPHEN_MARKS)
        return Line(spans[0].y, spans[0].size, [Cell(min(ends), max(ends), text or " ")], is_rotated=is_rotated)

    def _finished(self, spans: list[_Span], main: _Span, cells: list[Cell], is_rotated: bool) -> Line | None:
        if not cells:
            return None
        if _ACCENT.search(self.text, spans[0].start, spans[-1].end):
            cells = [cell._replace(text=_with_accents(cell.text)) for cell in cells]
        if len(spans) > 2:
            cells = [cell._replace(text=_LOGO.sub(_logo, cell.text)) for cell in cells]
        last = cells[-1]
        has_hyphen = last.text.endswith(("\u2010", "\xad")) and last.text[-2:-1].isalpha()
        if has_hyphen or last.text.endswith(tuple(_HYPHEN_MARKS)):
            cells[-1] = last._replace(text=last.text.rstrip("\u2010\xad\x02\ufffe"))
            if not cells[-1].text:
                cells[-1] = last._replace(text="-")
                has_hyphen = False
        line = Line(main.y, main.size, cells, is_rotated=is_rotated, is_hyphenated=has_hyphen)
        line.is_bold = all(span.font.is_bold for span in spans)
        fixed = sum(span.end - span.start for span in spans if span.font.is_fixed)
        is_fixed = spans[0].font.is_fixed and fixed > 0.8 * sum(span.end - span.start for span in spans)
        if is_fixed and not _WIDE_SCRIPT.search(line.text):
            line.code, line.pitch = self._drawn(spans, main)
        return line

    def _words(self, span: _Span, size: float) -> list[_Words]:
        """A span, cut where it holds wide gaps."""
        whole = [(span.start, span.end, span.x0, span.x1)]
        count = span.end - span.start
        if span.x1 - span.x0 <= (_USUAL_WIDTH if count > 3 else _LEAST_WIDTH) * size * count:
            return whole
        if " " not in self.text[span.start : span.end]:
            return self._apart(span) if 1 < count <= _SHORT else whole
        cut: list[_Words] = []
        for start, end, x0, x1 in self._single_words(span):
            if cut and x0 - cut[-1][3] <= _CELL_GAP * size:
                cut[-1] = (cut[-1][0], end, cut[-1][2], x1)
            else:
                cut.append((start, end, x0, x1))
        return cut or whole

    def _apart(self, span: _Span) -> list[_Words]:
        """A short span, cut where its characters stand apart: PDFium leaves out some blanks in such ones."""
        cut: list[_Words] = []
        box = ctypes.byref(self.calls.box_of_advance)
        for place in range(span.start, span.end):
            self.calls.advance(self.handle, place, box)
            edges = self.calls.box_of_advance
            x0, x1 = (edges.left, edges.right) if span.turn == 0 else (span.x0, span.x1)
            if cut and x0 - cut[-1][3] <= _BLANK_WITHIN * span.size:
                cut[-1] = (cut[-1][0], place + 1, cut[-1][2], x1)
            else:
                cut.append((place, place + 1, x0, x1))
        # A word that is spaced out stays one.
        is_spaced_out = len(cut) > 2 and len(cut) == span.end - span.start
        return [(span.start, span.end, span.x0, span.x1)] if is_spaced_out else cut

    def _single_words(self, span: _Span) -> Iterator[_Words]:
        for match in _WORD.finditer(self.text, span.start, span.end):
            self.calls.origin(self.handle, match.start(), self._x, self._y)
            x0, _ = _turned(self.calls.x.value, self.calls.y.value, span.turn)
            yield match.start(), match.end(), x0, self._right(match.end() - 1, span.turn)

    def _piece(self, start: int, end: int, span: _Span, main: _Span) -> str:
        """The text of words, marked where they are a superscript or subscript."""
        text = self.text[start:end].translate(_LIGATURES)
        if span is main:
            return text
        if span.size > 0.85 * main.size or not text.strip() or text[-1] in _HYPHEN_MARKS:
            return text
        mark = _mark((span.y - main.y) / main.size)
        return f"{mark}{{{text.strip()}}}" if mark else text

    def _drawn(self, spans: list[_Span], main: _Span) -> tuple[str, float]:
        """The text of a line in a font of fixed pitch, with as many blanks as its gaps are wide, and the pitch."""
        words = [word for span in spans for word in self._single_words(span)]
        start, end, x0, _ = max(words, key=lambda word: word[1] - word[0])
        pitch = 0.6 * main.size
        if end - start > 1:
            self.calls.origin(self.handle, end - 1, self._x, self._y)
            last, _ = _turned(self.calls.x.value, self.calls.y.value, main.turn)
            pitch = (last - x0) / (end - start - 1)
        pitch = max(pitch, 0.1)
        left, out, length = words[0][2], [], 0
        for start, end, x0, _ in words:
            blanks = max(0, min(200, round((x0 - left) / pitch) - length))
            if length and not blanks and self.text[start - 1].isspace():
                blanks = 1
            text = self.text[start:end].translate(_LIGATURES)
            out.append(" " * blanks + text)
            length += blanks + len(text)
        return "".join(out).replace("\x02", "-").replace("\ufffe", "-"), pitch


def _logo(found: re.Match[str]) -> str:
    is_drawn = "{" in found.group() or " " in found.group()
    return ("LaTeX" if found.group(1) else "TeX") if is_drawn else found.group()


def _with_accents(text: str) -> str:
    """A text whose accents that stand before a letter are on it."""

    def composed(found: re.Match[str]) -> str:
        letter = found.group(2).replace("ı", "i")
        both = unicodedata.normalize("NFC", letter + _ACCENTS[found.group(1)])
        return both if len(both) == 1 else found.group()

    return _ACCENTED.sub(composed, text)


def _turn_and_scale(numbers: Any) -> tuple[int, float]:
    """How many quarters a text is turned to the left, and how much its font is enlarged."""
    across, along = numbers[0], numbers[1]
    scale = math.hypot(numbers[2], numbers[3]) or 1.0
    if abs(along) <= abs(across):
        return (0 if across >= 0 else 2), scale
    return (1 if along > 0 else 3), scale


def _turned(x: float, y: float, turn: int) -> tuple[float, float]:
    """A place in the directions of a text that is turned by `turn` quarters."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turn]


def _rows(spans: list[_Span]) -> list[list[_Span]]:
    """The spans of a line, in several rows where one turns, or begins far to the left of what is before it."""
    rows: list[list[_Span]] = []
    for span in spans:
        if not rows:
            rows.append([span])
            continue
        before = rows[-1][-1]
        goes_back = span.x0 < before.x0 - before.size
        if span.turn != before.turn or goes_back or abs(span.y - before.y) > 1.2 * max(span.size, before.size):
            rows.append([span])
        else:
            rows[-1].append(span)
    return rows


def _joined_at_base_line(lines: list[Line]) -> list[Line]:
    """Lines of which one goes on at the right of the other as one line, with a gap between."""
    out: list[Line] = []
    for line in lines:
        before = out[-1] if out else None
        if before is None or before.is_hyphenated:
            out.append(line)
        elif script := _script(before, line):
            last = before.cells[-1]
            before.set_cells([*before.cells[:-1], Cell(last.x0, line.x1, last.text + script)])
            before.code = ""
        elif _is_mark_of(before, line):
            first = line.cells[0]
            marked = Cell(before.x0, first.x1, f"^{{{before.text}}} {first.text}")
            line.set_cells([marked, *line.cells[1:]])
            line.code = ""
            out[-1] = line
        elif _goes_on_at_right(before, line):
            _join(before, line)
        else:
            out.append(line)
    return out


def _join(before: Line, line: Line) -> None:
    """Add a line to the one at its left."""
    if line.x0 - before.x1 > _CELL_GAP * before.size:
        before.set_cells([*before.cells, *line.cells])
    else:
        first, last = line.cells[0], before.cells[-1]
        glue = " " if line.x0 - before.x1 > 0.15 * before.size else ""
        joined = Cell(last.x0, first.x1, last.text + glue + first.text)
        before.set_cells([*before.cells[:-1], joined, *line.cells[1:]])
    before.code = ""
    before.is_bold = before.is_bold and line.is_bold
    before.is_hyphenated = line.is_hyphenated


def _script(before: Line, line: Line) -> str:
    """The text of a line, marked, where it is a superscript or subscript of what ends at its left; else empty."""
    if len(line.cells) > 1 or len(line.text) > _MAX_SCRIPT_CHARS or line.is_hyphenated:
        return ""
    if line.size > 0.85 * before.size or abs(line.x0 - before.x1) > 0.3 * before.size:
        return ""
    mark = _mark((line.y - before.y) / before.size)
    return f"{mark}{{{line.text}}}" if mark else ""


def _mark(shift: float) -> str:
    """The mark of a small text that is drawn so many ems over its base line; empty for none."""
    if 0.2 <= shift <= 0.9:
        return "^"
    return "_" if -0.6 <= shift <= -0.08 else ""


def _is_mark_of(mark: Line, line: Line) -> bool:
    """Whether a line is only the raised mark of the note that begins at its right."""
    is_small = len(mark.text) <= 3 and mark.size < 0.9 * line.size and not mark.is_hyphenated
    return is_small and 0 < mark.y - line.y < 0.7 * line.size and -0.3 * line.size < line.x0 - mark.x1 < line.size


def _goes_on_at_right(before: Line, line: Line) -> bool:
    is_level = abs(before.y - line.y) < 0.2 * before.size and 0.8 < line.size / before.size < 1.25
    return is_level and line.x0 > before.x1 - 0.3 * before.size


# --- Reading order


def in_reading_order(lines: list[Line]) -> list[Line]:
    """Lines column by column; what stands across the columns parts them into bands from top to bottom."""
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
    out = _band(bands[0], splits)
    for line, band in zip(across, bands[1:], strict=True):
        out += [line, *_band(band, splits)]
    return out


def _band(band: tuple[list[Line], list[Line]], splits: int) -> list[Line]:
    out: list[Line] = []
    for column in band:
        ordered = _columns(column, splits - 1)
        if ordered:
            ordered[0].starts_column = True
        out.extend(ordered)
    return out


def _cut(line: Line, start: float) -> list[tuple[Line, int]]:
    """A line, or its two halves, each with its side: 0 left, 1 right of the place where the right column starts."""
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
    """Where the second column of running text starts; None where there is one column only."""
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
    """Whether running text stands on both sides of a place, and little across it."""
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
    """Whether most of a column's text stands in lines of about the same length, as the cells of a table do not."""
    widths = sorted(cell.x1 - cell.x0 for cell, _ in cells)
    usual = widths[int(0.9 * (len(widths) - 1))]
    full = [len(cell.text) for cell, _ in cells if cell.x1 - cell.x0 > 0.7 * usual]
    is_wide = len(full) >= _MIN_COLUMN_LINES - 1 and sum(full) >= _MIN_COLUMN_CHARS * len(full)
    return is_wide and sum(full) >= 0.5 * sum(len(cell.text) for cell, _ in cells)


def _downwards(lines: list[Line]) -> list[Line]:
    """Lines in the order of the page's content; runs of them that it draws after what is below them change places."""
    runs: list[list[Line]] = []
    goes_wrong = False
    for before, line in pairwise([None, *_with_rows(lines)]):
        assert line is not None
        if before is None or line.y + line.rise > before.y + 0.8 * line.size:
            runs.append([line])
            goes_wrong = goes_wrong or (before is not None and _is_above(line, before))
        else:
            runs[-1].append(line)
    if goes_wrong:
        runs.sort(key=lambda run: -run[0].y)
    return [line for run in runs for line in run]


def _with_rows(lines: list[Line]) -> list[Line]:
    """Lines with those of cells that stand beside each other and are drawn one after the other as one line."""
    out: list[Line] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        start = _start_of_cell(out, line) if out and line.y > out[-1].y + 0.8 * line.size else None
        if start is None:
            out.append(line)
            place += 1
            continue
        cells = [out[start:]]
        while place < len(lines) and _begins_next_cell(cells, lines[place]):
            stop = place + 1
            while stop < len(lines) and _goes_on_below(cells, lines[stop - 1], lines[stop]):
                stop += 1
            cells.append(lines[place:stop])
            place = stop
        out[start:] = [_row_of(cells)]
    return out


def _start_of_cell(out: list[Line], line: Line) -> int | None:
    """Where in the lines before a line begins the cell of which it is the right neighbour; None where there is none."""
    start = len(out)
    while start and out[start - 1].y <= line.y + 0.6 * line.size and out[start - 1].x1 < line.x0 - 0.4 * line.size:
        start -= 1
        if len(out) - start > _MAX_CELL_LINES or len(out[start].cells) > 1:
            return None
    is_level = start < len(out) and abs(out[start].y - line.y) <= 0.6 * line.size
    return start if is_level and len(line.cells) == 1 else None


def _begins_next_cell(cells: list[list[Line]], line: Line) -> bool:
    is_right = line.x0 > max(one.x1 for one in cells[-1]) + 0.4 * line.size
    return is_right and abs(line.y - cells[0][0].y) <= 0.6 * line.size


def _goes_on_below(cells: list[list[Line]], before: Line, line: Line) -> bool:
    """Whether a line goes on with the cell that the line above it stands in."""
    is_below = 0 < before.y - line.y < 1.7 * line.size
    return is_below and line.x0 > max(one.x1 for one in cells[-1]) + 0.4 * line.size and len(line.cells) == 1


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


def _is_above(line: Line, below: Line) -> bool:
    """Whether two lines share more than a third of the narrower one's width."""
    shared = min(line.x1, below.x1) - max(line.x0, below.x0)
    return shared > 0.35 * min(line.x1 - line.x0, below.x1 - below.x0)
