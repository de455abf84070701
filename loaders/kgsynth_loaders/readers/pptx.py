"""Presentations by python-pptx: one document a file, in which each slide is a page."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.office import FIXED_PITCH, ZIP_ERRORS, check_package, parsed, properties
from kgsynth_loaders.readers.omml import formulas, latex, local_name

Element = Any  # an element of lxml, which ships no types
Shape = Any

_RUNNING = frozenset({"sldNum", "dt", "ftr", "hdr"})
_TITLES = frozenset({"title", "ctrTitle"})
_FALSE = frozenset({"0", "false"})
_MAX_DEPTH = 30
_MAX_CHART_ROWS = 1000
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """The document of a PowerPoint file (pptx, pptm, ppsx, potx), with `page_starts` of its slides.

    A hidden slide is a page without text, and a remark names it.

    Raises:
        RecordError: it needs a password, is damaged, unpacks to too much, or holds no text.
    """
    import zipfile

    import pptx  # noqa: F401
    from lxml.etree import LxmlError
    from pptx.exc import PythonPptxError
    from pptx.package import Package

    check_package(path, "ppt/")
    try:
        with zipfile.ZipFile(path) as archive:
            said = properties(archive)
            for name in archive.namelist():
                if name.startswith("ppt/slides/") and name.endswith(".xml"):
                    parsed(archive.read(name))
        slides = list(Package.open(str(path)).presentation_part.presentation.slides)
        hidden = [number for number, slide in enumerate(slides, start=1) if slide.element.get("show") in _FALSE]
        pages = ["" if number in hidden else _slide(slide) for number, slide in enumerate(slides, start=1)]
    except (*ZIP_ERRORS, PythonPptxError, AttributeError, LxmlError):
        raise RecordError("damaged") from None
    if hidden:
        text = f"hidden slides left out: {', '.join(map(str, hidden))}"
        yield Remark(position=Position(source=""), text=text)
    text, starts = _joined(pages)
    yield said.document(text, starts)


def _joined(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    """All slides with blank lines between, and where each begins; one without text begins where the next does."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for page in pages:
        if page and parts:
            parts.append("\n\n")
            length += 2
        starts.append(length if page or not parts else length + 2)
        parts += [page] if page else []
        length += len(page)
    return "".join(parts), tuple(min(start, length) for start in starts)


def _slide(slide: Any) -> str:
    """The text of a slide: its title, its shapes from top to bottom and left to right, its notes."""
    _show_alternatives(slide.shapes.element)
    shapes = list(slide.shapes)
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
    blocks = [f"## {' '.join(text.split())}" for shape in titles if (text := _paragraphs(shape, is_list=False))]
    blocks += _blocks([shape for shape in shapes if shape not in titles], slide.part, 0)
    if slide.has_notes_slide:
        frame = slide.notes_slide.notes_text_frame
        if frame is not None:
            blocks += [text for paragraph in frame._txBody if (text := _paragraph(paragraph))]
    return "\n\n".join(blocks)


def _show_alternatives(tree: Element) -> None:
    """Put the first choice of `AlternateContent` in its place: a shape with a formula stands in one."""
    for element in [one for one in tree.iter() if local_name(one) == "AlternateContent"]:
        above = element.getparent()
        if above is None or local_name(above) not in ("spTree", "grpSp"):
            continue
        choice = next((child for child in element if local_name(child) == "Choice"), None)
        for child in list(choice if choice is not None else ()):
            element.addprevious(child)
        above.remove(element)


def _blocks(shapes: Iterable[Shape], part: Any, depth: int) -> list[str]:
    if depth > _MAX_DEPTH:
        raise RecordError("nested too deep")
    blocks: list[str] = []
    for shape in _in_order(shapes):
        if local_name(shape.element) == "grpSp":
            blocks += _blocks(shape.shapes, part, depth + 1)
        elif _placeholder(shape) in _RUNNING or _is_hidden(shape):
            continue
        elif getattr(shape, "has_table", False):
            blocks.append(_table(shape.table))
        elif getattr(shape, "has_chart", False):
            blocks.append(_chart(shape.chart))
        elif shape.has_text_frame:
            blocks.append(_paragraphs(shape, is_list=_placeholder(shape) in ("body", "obj")))
        else:
            blocks.append(_diagram(shape.element, part))
    return [block for block in blocks if block]


def _in_order(shapes: Iterable[Shape]) -> list[Shape]:
    """Shapes row by row: those whose middle stands beside another's height are of one row."""
    rows: list[tuple[int, int, list[Shape]]] = []
    for shape in sorted(shapes, key=lambda one: (_number(one, "top"), _number(one, "left"))):
        top, height = _number(shape, "top"), _number(shape, "height")
        if rows and top + height // 2 < rows[-1][1] and top < (rows[-1][0] + rows[-1][1]) // 2:
            rows[-1][2].append(shape)
        else:
            rows.append((top, top + height, [shape]))
    return [shape for _, _, row in rows for shape in sorted(row, key=lambda one: _number(one, "left"))]


def _number(shape: Shape, name: str) -> int:
    return int(getattr(shape, name, 0) or 0)


def _placeholder(shape: Shape) -> str:
    """The type of a placeholder; `obj` where it has none, empty for other shapes."""
    found = next((one for one in shape.element.iter() if local_name(one) == "ph"), None)
    if found is None or local_name(shape.element) == "grpSp":
        return ""
    return found.get("type") or "obj"


def _is_hidden(shape: Shape) -> bool:
    found = next((one for one in shape.element.iter() if local_name(one) == "cNvPr"), None)
    return found is not None and found.get("hidden") in ("1", "true")


def _paragraphs(shape: Shape, *, is_list: bool) -> str:
    """The paragraphs of a shape, those of a list as items."""
    paragraphs = [one for one in shape.text_frame._txBody if local_name(one) == "p"]
    is_list = is_list and sum(bool(_paragraph(one)) for one in paragraphs) > 1
    blocks: list[str] = []
    for is_code, group in groupby(paragraphs, key=_is_code):
        if is_code:
            blocks.append("\n".join(["```", *("".join(_pieces(one, 0)).rstrip() for one in group), "```"]))
            continue
        texts = [(_level(one), text) for one in group if (text := _paragraph(one))]
        if is_list:
            blocks.append("\n".join(f"{'  ' * level}- {' '.join(text.split())}" for level, text in texts))
        else:
            blocks += [text for _, text in texts]
    return "\n\n".join(block for block in blocks if block)


def _is_code(paragraph: Element) -> bool:
    """Whether all of a paragraph is in a font of fixed pitch."""
    runs = [one for one in paragraph if local_name(one) == "r" and "".join(one.itertext()).strip()]
    return bool(runs) and all(
        any(local_name(font) == "latin" and FIXED_PITCH.search(font.get("typeface") or "") for font in run.iter())
        for run in runs
    )


def _level(paragraph: Element) -> int:
    found = next((child for child in paragraph if local_name(child) == "pPr"), None)
    level = "" if found is None else found.get("lvl") or ""
    return int(level) if level.isdigit() and int(level) < 10 else 0


def _paragraph(paragraph: Element) -> str:
    """The text of a paragraph with its formulas as LaTeX."""
    if local_name(paragraph) != "p":
        return ""
    return re.sub(r"[ \t\x0b]*\n[ \t\x0b]*", "\n", "".join(_pieces(paragraph, 0))).replace("\x0b", "\n").strip()


def _pieces(element: Element, depth: int) -> Iterator[str]:
    for child in element:
        name = local_name(child)
        if name == "r":
            yield _run(child)
        elif name == "br":
            yield "\n"
        elif name == "fld" and child.get("type", "") != "slidenum" and not child.get("type", "").startswith("datetime"):
            yield _run(child)
        elif name == "oMathPara":
            yield " ".join(f"$${tex}$$" for tex in formulas(child))
        elif name == "oMath":
            tex = latex(child)
            yield f"${tex}$" if tex else ""
        elif name in ("AlternateContent", "Choice", "m", "hlinkClick") and depth < _MAX_DEPTH:
            yield from _pieces(child, depth + 1)


def _run(run: Element) -> str:
    text = "".join(child.text or "" for child in run if local_name(child) == "t")
    found = next((child for child in run if local_name(child) == "rPr"), None)
    baseline = "" if found is None else found.get("baseline") or ""
    if not text.strip() or not baseline.lstrip("-").isdigit() or int(baseline) == 0:
        return text
    return f"_{{{text}}}" if baseline.startswith("-") else f"^{{{text}}}"


def _table(table: Any) -> str:
    rows = []
    for row in table.rows:
        cells = []
        for cell in row.cells:
            texts = [] if cell.is_spanned else [_paragraph(paragraph) for paragraph in cell._tc.txBody]
            cells.append(" ".join(texts))
        rows.append(cells)
    return _markdown_table(rows)


def _markdown_table(rows: list[list[str]]) -> str:
    """Rows as a table, without those that are empty; the first is its head."""
    cells = [[" ".join(text.split()).replace("|", r"\|") for text in row] for row in rows if any(map(str.strip, row))]
    if not cells:
        return ""
    width = max(map(len, cells))
    written = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in cells]
    return "\n".join([written[0], "|" + "---|" * width, *written[1:]])


def _chart(chart: Any) -> str:
    """The title of a chart, and its values as a table with a column for each series."""
    title = ""
    if chart.has_title and chart.chart_title.has_text_frame:
        title = str(chart.chart_title.text_frame.text).strip()
    series = [one for plot in chart.element.iter() if local_name(plot) == "plotArea" for one in _named(plot, "ser")]
    names = [" ".join(_points(one, "tx").values()) for one in series]
    labels = _points(series[0], "cat", "xVal") if series else {}
    values = [_points(one, "val", "yVal") for one in series]
    places = sorted(labels.keys() | {place for points in values for place in points})[:_MAX_CHART_ROWS]
    rows = [[labels.get(place, ""), *(points.get(place, "") for points in values)] for place in places]
    return "\n\n".join(part for part in (title, _markdown_table([["", *names], *rows]) if rows else "") if part)


def _named(element: Element, name: str) -> list[Element]:
    return [one for one in element.iter() if local_name(one) == name]


def _points(series: Element, *names: str) -> dict[int, str]:
    """The values that a chart keeps under one of these names of a series, by their places from 0."""
    found: dict[int, str] = {}
    for child in series:
        if local_name(child) not in names:
            continue
        levels = _named(child, "lvl") or [child]
        # The levels of a label stand from the inner to the outer one.
        for point in (one for level in levels for one in _named(level, "pt")):
            text = "".join(one.text or "" for one in point if local_name(one) == "v").strip()
            place = point.get("idx", "")
            if place.isdecimal() and len(place) < 10 and text:
                found[int(place)] = f"{text} {found[int(place)]}" if int(place) in found else text
        if not found:
            found = dict(enumerate(one.text.strip() for one in _named(child, "v") if one.text and one.text.strip()))
    return found


def _diagram(element: Element, part: Any) -> str:
    """The texts of a diagram (SmartArt), which stand in a part of their own."""
    relation = next((one.get(f"{_RELATIONS}dm") for one in element.iter() if local_name(one) == "relIds"), None)
    if not relation:
        return ""
    root = parsed(part.related_part(relation).blob)
    points = [one for one in root.iter() if local_name(one) == "pt"]
    texts = [
        text
        for point in points
        for paragraph in point.iter()
        if local_name(paragraph) == "p" and (text := _paragraph(paragraph))
    ]
    return "\n".join(f"- {' '.join(text.split())}" for text in texts)
