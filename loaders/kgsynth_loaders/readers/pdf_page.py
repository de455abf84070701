"""Read the text of a PDF page as lines in reading order, with their coordinates, sizes and fonts from PDFium.

PDFium returns the characters of a page in the order of its content, with line ends. A line consists of spans:
characters that one text object draws. Only the ends of spans are looked up, because a call per character takes longer
than everything else. Coordinates are in points; `y` is the height of a baseline above the bottom of the page.
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

# Gaps wider than this number of ems separate two cells of a row.
_CELL_GAP = 1.0
# A gap wider than this number of ems is a space: between text objects, and within one.
_BLANK = 0.16
_BLANK_WITHIN = 0.23
# PDFium omits some spaces in spans with at most this number of characters.
_SHORT = 6
# A span that is wider than this number of ems per character may contain a wide gap.
_USUAL_WIDTH = 0.53
# The same limit for spans of up to 3 characters, one of which may be a narrow comma.
_LEAST_WIDTH = 0.42
_LINE = re.compile("[^\r\n\x02\ufffe]+[\x02\ufffe]?")
# Maximum width of the spaces in justified text, of a single space in a line of two cells, and maximum difference
# between the widths of the spaces of a line; all in ems.
_WIDEST_BLANK = 5.0
_WIDEST_LONE_BLANK = 10.0
_SAME_WIDTH = 0.3
# Minimum number of lines with the same left and right ends in justified text.
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
_WIDE_SCRIPT = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef\U00020000-\U0003ffff]")
# Some programs draw an accent before its letter.
_ACCENTS = {"¨": "\u0308", "´": "\u0301", "ˆ": "\u0302", "˜": "\u0303", "ˇ": "\u030c", "˚": "\u030a", "˘": "\u0306"}
_ACCENT = re.compile(f"[{''.join(_ACCENTS)}]")
_ACCENTED = re.compile(f"([{''.join(_ACCENTS)}])([A-Za-zı])")
# The logos of TeX and LaTeX, whose letters are shifted.
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


# Adjacent words: the offsets of their first character and after their last one, and their left and right ends.
_Words = tuple[int, int, float, float]


@dataclass(slots=True)
class _Functions:
    """PDFium's functions, called with plain numbers, which is faster, and what the pages of a document share."""

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
    # Whether a font has a fixed pitch, by its name and flags.
    fixed: dict[tuple[str, int], bool] = field(default_factory=dict)
    # Number of lines of running text by their left and right ends, on the pages that were read.
    ends: Counter[tuple[int, int]] = field(default_factory=Counter)


def functions() -> _Functions:
    """Return PDFium's functions, which are bound once per document."""
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
    """Return the lines of a page in reading order; lines drawn in another direction come last.

    Args:
        page: a page of pypdfium2.
        calls: the result of `functions`.
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
            reader.text = _with_whole_characters(list(map(reader.code, range(count))))
        lines = list(reader.lines())
    finally:
        text_page.close()
    upright = [line for line in lines if not line.is_rotated]
    calls.ends.update((round(line.x0), round(line.x1)) for line in upright if len(line.cells) == 1)
    _close_stretched(upright, calls.ends)
    return [*in_reading_order(_joined_at_baseline(upright)), *(line for line in lines if line.is_rotated)]


class _PageReader:
    """Looks up the coordinates and fonts of the characters of one page."""

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

    def code(self, place: int) -> int:
        """Return the number of a character in Unicode; PDFium divides one above U+FFFF into its two UTF-16 halves."""
        code = self.calls.unicode(self.handle, place)
        return int(code) if code < 0x110000 else 0

    def lines(self) -> Iterator[Line]:
        """Yield the lines in the order of the page's content."""
        line_spans = [(match, list(self._spans(match.start(), match.end()))) for match in _LINE.finditer(self.text)]
        turns = Counter(span.turn for _, spans in line_spans for span in spans)
        main_turn = turns.most_common(1)[0][0] if turns else 0
        for match, spans in line_spans:
            if spans and _RIGHT_TO_LEFT.search(match.group()):
                yield self._from_right(match.group(), spans, spans[0].turn != main_turn)
                continue
            has_hyphen = match.group()[-1] in _HYPHEN_MARKS
            if spans and self._may_be_white(spans[0]):
                spans = [span for span in spans if not self._is_hidden(span)]
            rows = _rows(spans)
            for place, row in enumerate(rows):
                line = self._line(row, row[0].turn != main_turn)
                if line is not None:
                    line.is_hyphenated = line.is_hyphenated or (has_hyphen and place == len(rows) - 1)
                    yield line

    def _may_be_white(self, span: _Span) -> bool:
        """Return whether the red part of a span's colour is that of white, a cheap test that few spans pass."""
        return bool(self.calls.fill_colour(span.drawn_by, *self._colour) and self._red.value >= WHITE)

    def _is_hidden(self, span: _Span) -> bool:
        """Return whether a span is white text and no background other than white overlaps it."""
        if span.turn or not self._may_be_white(span) or not is_white(self.calls.colour) or not is_drawn(span.drawn_by):
            return False
        if self._backgrounds is None:
            self._backgrounds = backgrounds(self.page)
        return not any(
            left < span.x1 and right > span.x0 and bottom < span.y + span.size and top > span.y
            for left, bottom, right, top in self._backgrounds
        )

    def _spans(self, start: int, end: int) -> Iterator[_Span]:
        """Yield the spans of a line: its characters from `start` to `end`, divided where the text object changes."""
        text, handle, text_object = self.text, self.handle, self.calls.text_object
        while end > start and text[end - 1].isspace():
            end -= 1
        last_object = text_object(handle, end - 1) if end > start else None
        while start < end:
            drawn_by = None if text[start].isspace() else text_object(handle, start)
            if drawn_by is None:
                start += 1
                continue
            stop = end if drawn_by == last_object else self._end_of_object(start, end, drawn_by)
            yield self._span(start, stop, drawn_by)
            start = stop

    def _end_of_object(self, start: int, end: int, drawn_by: int) -> int:
        """Return the offset after the last character of the text object that draws the character at `start`."""
        text, handle, text_object = self.text, self.handle, self.calls.text_object
        low, high = start, end - 1
        while low + 1 < high:
            middle = (low + high) // 2
            # Spaces that PDFium inserts belong to no text object.
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
        """Return the right end of a character of text that is rotated by `turn` quarter turns."""
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
        """Return whether a font has a fixed pitch, by its flags or name, otherwise by the widths of its characters."""
        if flags & 1 or _FIXED_PITCH_NAME.search(name):
            return True
        cached = self.calls.fixed.get((name, flags)) if name else None
        if cached is not None:
            return cached
        width = self.calls.width
        widths = []
        for char in _WIDE_AND_NARROW:
            self.calls.glyph_width(key, ord(char), 10.0, ctypes.addressof(width))
            widths.append(width.value)
        # Widths outside these limits are those of characters that the font lacks.
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
        previous_end, previous_x1, previous_mark = -1, 0.0, ""
        for span in spans:
            mark = "" if span.size > 0.85 * size else _mark((span.y - main.y) / size)
            for start, end, left, right in self._words(span, size):
                gap = left - previous_x1
                if parts and gap > _CELL_GAP * size:
                    cells.append(Cell(x0, previous_x1, "".join(parts)))
                    parts, x0, previous_mark = [], left, ""
                elif parts and (gap > _BLANK * size or " " in self.text[previous_end:start]):
                    parts.append(" ")
                    previous_mark = ""
                text = self.text[start:end].translate(_LIGATURES)
                if mark:
                    previous_mark = _add_marked(parts, text, mark, previous_mark)
                else:
                    parts.append(text)
                    previous_mark = ""
                previous_end, previous_x1 = end, right
        cells.append(Cell(x0, spans[-1].x1, "".join(parts)))
        cells = [cell for cell in cells if cell.text.strip()]
        line = self._finished(spans, main, cells, is_rotated)
        if line is not None and len(cells) > 1:
            line.is_stretched = self._is_stretched(spans, cells, size)
        return line

    def _is_stretched(self, spans: list[_Span], cells: list[Cell], size: float) -> bool:
        """Return whether the spaces of a line are wide and have about the same width, like those of justified text."""
        wide_gaps = [right.x0 - left.x1 for left, right in pairwise(cells)]
        limit = _WIDEST_BLANK if len(cells) > 2 else _WIDEST_LONE_BLANK
        if max(wide_gaps) > limit * size or max(wide_gaps) - min(wide_gaps) > _SAME_WIDTH * size:
            return False
        words = [word for span in spans for word in self._single_words(span)]
        gaps = [right[2] - left[3] for left, right in pairwise(words)]
        # Narrow gaps are within words.
        return all(max(wide_gaps) - gap <= _SAME_WIDTH * size for gap in gaps if gap > _BLANK * size)

    def _from_right(self, text: str, spans: list[_Span], is_rotated: bool) -> Line:
        """Return a line that is written from right to left; PDFium returns its characters in logical order."""
        edges = [edge for span in spans for edge in (span.x0, span.x1)]
        text = text.strip().translate(_LIGATURES).strip(_HYPHEN_MARKS)
        return Line(spans[0].y, spans[0].size, [Cell(min(edges), max(edges), text or " ")], is_rotated=is_rotated)

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
        fixed_chars = sum(span.end - span.start for span in spans if span.font.is_fixed)
        is_fixed = spans[0].font.is_fixed and fixed_chars > 0.8 * sum(span.end - span.start for span in spans)
        if is_fixed and not _WIDE_SCRIPT.search(line.text):
            line.code, line.pitch = self._drawn(spans, main)
        return line

    def _words(self, span: _Span, size: float) -> list[_Words]:
        """Return the groups of words of a span, which is divided at wide gaps."""
        whole = [(span.start, span.end, span.x0, span.x1)]
        count = span.end - span.start
        if span.x1 - span.x0 <= (_USUAL_WIDTH if count > 3 else _LEAST_WIDTH) * size * count:
            return whole
        if " " not in self.text[span.start : span.end]:
            return self._divided_at_gaps(span) if 1 < count <= _SHORT else whole
        groups: list[_Words] = []
        for start, end, x0, x1 in self._single_words(span):
            if groups and x0 - groups[-1][3] <= _CELL_GAP * size:
                groups[-1] = (groups[-1][0], end, groups[-1][2], x1)
            else:
                groups.append((start, end, x0, x1))
        return groups or whole

    def _divided_at_gaps(self, span: _Span) -> list[_Words]:
        """Divide a short span at gaps between its characters, because PDFium omits some spaces in short spans."""
        groups: list[_Words] = []
        box = ctypes.byref(self.calls.box_of_advance)
        for place in range(span.start, span.end):
            self.calls.advance(self.handle, place, box)
            edges = self.calls.box_of_advance
            x0, x1 = (edges.left, edges.right) if span.turn == 0 else (span.x0, span.x1)
            if groups and x0 - groups[-1][3] <= _BLANK_WITHIN * span.size:
                groups[-1] = (groups[-1][0], place + 1, groups[-1][2], x1)
            else:
                groups.append((place, place + 1, x0, x1))
        # A letter-spaced word stays one word.
        is_spaced_out = len(groups) > 2 and len(groups) == span.end - span.start
        return [(span.start, span.end, span.x0, span.x1)] if is_spaced_out else groups

    def _single_words(self, span: _Span) -> Iterator[_Words]:
        for match in _WORD.finditer(self.text, span.start, span.end):
            self.calls.origin(self.handle, match.start(), self._x, self._y)
            x0, _ = _turned(self.calls.x.value, self.calls.y.value, span.turn)
            yield match.start(), match.end(), x0, self._right(match.end() - 1, span.turn)

    def _drawn(self, spans: list[_Span], main: _Span) -> tuple[str, float]:
        """Return the text of a line in a fixed-pitch font, with gaps converted to spaces, and the pitch in points."""
        words = [word for span in spans for word in self._single_words(span)]
        start, end, x0, _ = max(words, key=lambda word: word[1] - word[0])
        pitch = 0.6 * main.size
        if end - start > 1:
            self.calls.origin(self.handle, end - 1, self._x, self._y)
            last_x, _ = _turned(self.calls.x.value, self.calls.y.value, main.turn)
            pitch = (last_x - x0) / (end - start - 1)
        pitch = max(pitch, 0.1)
        left, parts, length = words[0][2], [], 0
        for start, end, x0, _ in words:
            spaces = max(0, min(200, round((x0 - left) / pitch) - length))
            if length and not spaces and self.text[start - 1].isspace():
                spaces = 1
            text = self.text[start:end].translate(_LIGATURES)
            parts.append(" " * spaces + text)
            length += spaces + len(text)
        return "".join(parts).replace("\x02", "-").replace("\ufffe", "-"), pitch


def _with_whole_characters(codes: list[int]) -> str:
    """Return a text with a character per code: UTF-16 halves become the whole character and a NUL.

    NUL is left out of lines, and keeps the offsets in the text equal to those in PDFium. A half without its other half
    becomes U+FFFD.
    """
    chars = [chr(code) for code in codes]
    for place, code in enumerate(codes):
        if not 0xD800 <= code < 0xE000:
            continue
        if code < 0xDC00 and place + 1 < len(codes) and 0xDC00 <= codes[place + 1] < 0xE000:
            chars[place] = chr(0x10000 + ((code - 0xD800) << 10) + codes[place + 1] - 0xDC00)
            chars[place + 1] = "\x00"
        elif 0xD800 <= ord(chars[place]) < 0xE000:
            chars[place] = "\ufffd"
    return "".join(chars)


def _logo(match: re.Match[str]) -> str:
    is_drawn = "{" in match.group() or " " in match.group()
    return ("LaTeX" if match.group(1) else "TeX") if is_drawn else match.group()


def _with_accents(text: str) -> str:
    """Return a text in which each accent before a letter is combined with this letter."""

    def composed(match: re.Match[str]) -> str:
        letter = match.group(2).replace("ı", "i")
        combined = unicodedata.normalize("NFC", letter + _ACCENTS[match.group(1)])
        return combined if len(combined) == 1 else match.group()

    return _ACCENTED.sub(composed, text)


def _turn_and_scale(numbers: Any) -> tuple[int, float]:
    """Return the rotation of a text in quarter turns to the left, and the scale of its font."""
    horizontal, vertical = numbers[0], numbers[1]
    scale = math.hypot(numbers[2], numbers[3]) or 1.0
    if abs(vertical) <= abs(horizontal):
        return (0 if horizontal >= 0 else 2), scale
    return (1 if vertical > 0 else 3), scale


def _turned(x: float, y: float, turn: int) -> tuple[float, float]:
    """Return the coordinates of a point along and across text that is rotated by `turn` quarter turns."""
    if turn == 0:
        return x, y
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turn]


def _rows(spans: list[_Span]) -> list[list[_Span]]:
    """Divide the spans of a line into rows; a new row begins at another direction or height, or far to the left."""
    rows: list[list[_Span]] = []
    for span in spans:
        if not rows:
            rows.append([span])
            continue
        previous = rows[-1][-1]
        goes_back = span.x0 < previous.x0 - previous.size
        if span.turn != previous.turn or goes_back or abs(span.y - previous.y) > 1.2 * max(span.size, previous.size):
            rows.append([span])
        else:
            rows[-1].append(span)
    return rows


def _close_stretched(lines: list[Line], ends: Counter[tuple[int, int]]) -> None:
    """Join the cells of each line of justified text: a stretched line with the same ends as lines of this document."""
    for line in [line for line in lines if line.is_stretched]:
        has_words = not any(map(str.isdecimal, line.text)) if len(line.cells) == 2 else _are_words(line.cells)
        left, right = round(line.x0), round(line.x1)
        # The first line of a paragraph may be indented.
        similar_lines = sum(
            ends[left - left_shift, right + right_shift]
            for left_shift in range(-1, int(3 * line.size))
            for right_shift in (-1, 0, 1)
        )
        if has_words and similar_lines >= _MIN_ALIKE:
            line.set_cells([Cell(line.x0, line.x1, line.text)])


def _are_words(cells: list[Cell]) -> bool:
    return 2 * sum(any(map(str.isdecimal, cell.text)) for cell in cells) < len(cells)


def _joined_at_baseline(lines: list[Line]) -> list[Line]:
    """Join lines that continue each other to the right at the same baseline, and superscripts with their text."""
    joined: list[Line] = []
    for line in lines:
        previous = joined[-1] if joined else None
        if previous is None or previous.is_hyphenated:
            joined.append(line)
        elif script := _script(previous, line):
            last_cell = previous.cells[-1]
            previous.set_cells([*previous.cells[:-1], Cell(last_cell.x0, line.x1, last_cell.text + script)])
            previous.code = ""
        elif _is_mark_of(previous, line):
            first_cell = line.cells[0]
            marked = Cell(previous.x0, first_cell.x1, f"^{{{previous.text}}} {first_cell.text}")
            line.set_cells([marked, *line.cells[1:]])
            line.code = ""
            joined[-1] = line
        elif _continues_at_right(previous, line):
            _join(previous, line)
        else:
            joined.append(line)
    return joined


def _join(previous: Line, line: Line) -> None:
    """Append a line to the one at its left."""
    if line.x0 - previous.x1 > _CELL_GAP * previous.size:
        previous.set_cells([*previous.cells, *line.cells])
    else:
        first_cell, last_cell = line.cells[0], previous.cells[-1]
        glue = " " if line.x0 - previous.x1 > 0.15 * previous.size else ""
        joined_cell = Cell(last_cell.x0, first_cell.x1, last_cell.text + glue + first_cell.text)
        previous.set_cells([*previous.cells[:-1], joined_cell, *line.cells[1:]])
    previous.code = ""
    previous.is_bold = previous.is_bold and line.is_bold
    previous.is_hyphenated = line.is_hyphenated


def _script(previous: Line, line: Line) -> str:
    """Return the marked text of a line that is a superscript or subscript of the line at its left, else ""."""
    if len(line.cells) > 1 or len(line.text) > _MAX_SCRIPT_CHARS or line.is_hyphenated:
        return ""
    if line.size > 0.85 * previous.size or abs(line.x0 - previous.x1) > 0.3 * previous.size:
        return ""
    mark = _mark((line.y - previous.y) / previous.size)
    return f"{mark}{{{line.text}}}" if mark else ""


def _add_marked(parts: list[str], text: str, mark: str, previous_mark: str) -> str:
    """Append a superscript or subscript to the parts of a line, and return its mark; empty if it is appended unmarked.

    A script that directly follows one with the same mark, `previous_mark`, is joined with it.
    """
    if not text.strip() or text[-1] in _HYPHEN_MARKS:
        parts.append(text)
        return ""
    if mark == previous_mark:
        parts[-1] = f"{parts[-1][:-1]}{text.strip()}}}"
    else:
        parts.append(f"{mark}{{{text.strip()}}}")
    return mark


def _mark(shift: float) -> str:
    """Return the mark of small text that is drawn `shift` ems above the baseline; empty if it is no script."""
    if 0.2 <= shift <= 0.9:
        return "^"
    return "_" if -0.6 <= shift <= -0.08 else ""


def _is_mark_of(mark: Line, line: Line) -> bool:
    """Return whether a line is only the raised mark of the note that begins at its right."""
    is_small = len(mark.text) <= 3 and mark.size < 0.9 * line.size and not mark.is_hyphenated
    return is_small and 0 < mark.y - line.y < 0.7 * line.size and -0.3 * line.size < line.x0 - mark.x1 < line.size


def _continues_at_right(previous: Line, line: Line) -> bool:
    is_level = abs(previous.y - line.y) < 0.2 * previous.size and 0.8 < line.size / previous.size < 1.25
    return is_level and line.x0 > previous.x1 - 0.3 * previous.size
