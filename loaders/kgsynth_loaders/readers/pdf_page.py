"""The text of one page of a PDF as lines in reading order, with the places, sizes and fonts that PDFium knows.

PDFium gives the characters of a page in the order of its content, with line ends. A line is made of spans: characters
that one operator draws in one font. Only the ends of spans are looked up, since a call for each character takes longer
than all else. Places are in points; `y` is the height of a base line over the bottom of the page.
"""

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from kgsynth_loaders.readers.pdf_hidden import WHITE, Box, backgrounds, is_drawn, is_white
from kgsynth_loaders.readers.pdf_line import Cell, Line
from kgsynth_loaders.readers.pdf_order import in_reading_order

# Gaps of so many ems part two cells of a row.
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
# Blanks of justified text are at most so many ems wide, one between two words alone too, and differ by so many.
_WIDEST_BLANK = 5.0
_WIDEST_LONE_BLANK = 10.0
_SAME_WIDTH = 0.3
# So many lines of justified text end at the same places.
_MIN_ALIKE = 3
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
_MAX_SCRIPT_CHARS = 12


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
    drawn_by: int


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
    fill_colour: Any
    width: Any = field(default_factory=ctypes.c_float)
    x: Any = field(default_factory=ctypes.c_double)
    y: Any = field(default_factory=ctypes.c_double)
    edges: Any = field(default_factory=lambda: [ctypes.c_double() for _ in range(4)])
    numbers: Any = field(default_factory=lambda: (ctypes.c_float * 6)())
    colour: Any = field(default_factory=lambda: [ctypes.c_uint() for _ in range(4)])
    # Whether fonts have a fixed pitch, by their names and flags.
    fixed: dict[tuple[str, int], bool] = field(default_factory=dict)


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
        fill_colour=bound(raw.FPDFPageObj_GetFillColor, number, pointer, *[pointer] * 4),
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
        reader = _PageReader(page, ctypes.cast(text_page.raw, ctypes.c_void_p).value or 0, count, calls)
        if len(text := text_page.get_text_range()) == count:
            reader.text = text
        else:
            reader.text = "".join(map(reader.character, range(count)))
        lines = list(reader.lines())
    finally:
        text_page.close()
    upright = [line for line in lines if not line.is_rotated]
    _close_stretched(upright)
    return [*in_reading_order(_joined_at_base_line(upright)), *(line for line in lines if line.is_rotated)]


class _PageReader:
    """Looks up where the characters of one page stand."""

    def __init__(self, page: Any, handle: int, count: int, calls: _Functions) -> None:
        self.page = page
        self.handle = handle
        self.count = count
        self.calls = calls
        self.text = ""
        self.fonts: dict[int, _Font] = {}
        self._x, self._y = ctypes.addressof(calls.x), ctypes.addressof(calls.y)
        self._right_edge, self._red = calls.edges[1], calls.colour[0]
        self._edges = [ctypes.addressof(edge) for edge in calls.edges]
        self._numbers = ctypes.addressof(calls.numbers)
        self._colour = [ctypes.addressof(part) for part in calls.colour]
        self._backgrounds: list[Box] | None = None

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
            if spans and self._may_be_white(spans[0]):
                spans = [span for span in spans if not self._is_hidden(span)]
            rows = _rows(spans)
            for place, row in enumerate(rows):
                line = self._line(row, row[0].turn != turn)
                if line is not None:
                    line.is_hyphenated = line.is_hyphenated or (has_hyphen and place == len(rows) - 1)
                    yield line

    def _may_be_white(self, span: _Span) -> bool:
        """Whether the red of a span is that of white: all of them are asked, and few have it."""
        return bool(self.calls.fill_colour(span.drawn_by, *self._colour) and self._red.value >= WHITE)

    def _is_hidden(self, span: _Span) -> bool:
        """Whether a span is white and nothing else than white is drawn where it stands."""
        if span.turn or not self._may_be_white(span) or not is_white(self.calls.colour) or not is_drawn(span.drawn_by):
            return False
        if self._backgrounds is None:
            self._backgrounds = backgrounds(self.page)
        return not any(
            left < span.x1 and right > span.x0 and bottom < span.y + span.size and top > span.y
            for left, bottom, right, top in self._backgrounds
        )

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
        return _Span(start, end, x0, self._right(end - 1, turn), y, abs(size) or 1.0, turn, font, drawn_by)

    def _right(self, place: int, turn: int) -> float:
        """The right end of a character, for a text that is turned by `turn` quarters."""
        self.calls.box(self.handle, place, *self._edges)
        if turn == 0:
            return float(self._right_edge.value)
        left, right, bottom, top = self.calls.edges
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
        known = self.calls.fixed.get((name, flags)) if name else None
        if known is not None:
            return known
        width = self.calls.width
        widths = []
        for char in _WIDE_AND_NARROW:
            self.calls.glyph_width(key, ord(char), 10.0, ctypes.addressof(width))
            widths.append(width.value)
        # Other widths are those of characters that the font does not have.
        is_fixed = bool(max(widths) - min(widths) < 0.1 and 4.5 < max(widths) < 8)
        self.calls.fixed[name, flags] = is_fixed
        return is_fixed

    def _line(self, spans: list[_Span], is_rotated: bool) -> Line | None:
        main = spans[0] if len(spans) == 1 else max(spans, key=lambda span: (span.end - span.start) * span.size)
        if len(spans) == 1 and len(self._words(main, main.size)) == 1:
            text = self.text[main.start : main.end].translate(_LIGATURES)
            return self._finished(spans, main, [Cell(main.x0, main.x1, text)] if text.strip() else [], is_rotated)
        cells: list[Cell] = []
        parts: list[str] = []
        x0 = spans[0].x0
        size = main.size
        before_end, before_x1, before_mark = -1, 0.0, ""
        for span in spans:
            mark = "" if span.size > 0.85 * size else _mark((span.y - main.y) / size)
            for start, end, left, right in self._words(span, size):
                gap = left - before_x1
                if parts and gap > _CELL_GAP * size:
                    cells.append(Cell(x0, before_x1, "".join(parts)))
                    parts, x0, before_mark = [], left, ""
                elif parts and (gap > _BLANK * size or " " in self.text[before_end:start]):
                    parts.append(" ")
                    before_mark = ""
                text = self.text[start:end].translate(_LIGATURES)
                if mark:
                    before_mark = _add_marked(parts, text, mark, before_mark)
                else:
                    parts.append(text)
                    before_mark = ""
                before_end, before_x1 = end, right
        cells.append(Cell(x0, spans[-1].x1, "".join(parts)))
        cells = [cell for cell in cells if cell.text.strip()]
        line = self._finished(spans, main, cells, is_rotated)
        if line is not None and len(cells) > 1:
            line.is_stretched = self._is_stretched(spans, cells, size)
        return line

    def _is_stretched(self, spans: list[_Span], cells: list[Cell], size: float) -> bool:
        """Whether the blanks of a line are wide and of about one width, as those of justified text are."""
        wide = [right.x0 - left.x1 for left, right in pairwise(cells)]
        limit = _WIDEST_BLANK if len(cells) > 2 else _WIDEST_LONE_BLANK
        if max(wide) > limit * size or max(wide) - min(wide) > _SAME_WIDTH * size:
            return False
        words = [word for span in spans for word in self._single_words(span)]
        gaps = [right[2] - left[3] for left, right in pairwise(words)]
        # Within a word the gaps are narrow.
        return all(max(wide) - gap <= _SAME_WIDTH * size for gap in gaps if gap > _BLANK * size)

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
    if turn == 0:
        return x, y
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


def _close_stretched(lines: list[Line]) -> None:
    """Make one cell of each line of justified text with wide blanks: it ends where other lines end, on both sides."""
    stretched = [line for line in lines if line.is_stretched]
    if not stretched:
        return
    ends = Counter((round(line.x0), round(line.x1)) for line in lines if len(line.cells) == 1)
    for line in stretched:
        has_words = len(line.cells) > 2 or not any(map(str.isdecimal, line.text))
        left, right = round(line.x0), round(line.x1)
        # The first line of a paragraph may be indented.
        alike = sum(ends[left - step, right + other] for step in range(-1, int(3 * line.size)) for other in (-1, 0, 1))
        if has_words and alike >= _MIN_ALIKE:
            line.set_cells([Cell(line.x0, line.x1, line.text)])


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


def _add_marked(parts: list[str], text: str, mark: str, before_mark: str) -> str:
    """Add a superscript or subscript to the parts of a line; the mark that it has there.

    What goes on with the one before it, which has `before_mark`, becomes one with it.
    """
    if not text.strip() or text[-1] in _HYPHEN_MARKS:
        parts.append(text)
        return ""
    if mark == before_mark:
        parts[-1] = f"{parts[-1][:-1]}{text.strip()}}}"
    else:
        parts.append(f"{mark}{{{text.strip()}}}")
    return mark


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
