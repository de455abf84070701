"""Read presentations with python-pptx: a document per file, in which each slide is a page."""

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
    """Yield the document of a PowerPoint file (pptx, pptm, ppsx, potx), with `page_starts` of its slides.

    A hidden slide becomes a page without text, and is named in a remark.

    Raises:
        RecordError: the file needs a password, is damaged, is too large when unpacked, or has no text.
    """
    import zipfile

    import pptx  # noqa: F401
    from lxml.etree import LxmlError
    from pptx.exc import PythonPptxError
    from pptx.package import Package

    check_package(path, "ppt/")
    try:
        with zipfile.ZipFile(path) as archive:
            file_properties = properties(archive)
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
    yield file_properties.document(text, starts)


def _joined(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    """Join slides with blank lines, and return the offset of each; an empty slide has the offset of the next one."""
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
    """Return the text of a slide: its title, its shapes from top to bottom and left to right, and its notes."""
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
    """Replace each `AlternateContent` by its first choice, because shapes with formulas are in such elements."""
    for element in [element for element in tree.iter() if local_name(element) == "AlternateContent"]:
        parent = element.getparent()
        if parent is None or local_name(parent) not in ("spTree", "grpSp"):
            continue
        choice = next((child for child in element if local_name(child) == "Choice"), None)
        for child in list(choice if choice is not None else ()):
            element.addprevious(child)
        parent.remove(element)


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
    """Sort shapes row by row, and from left to right within a row.

    A shape belongs to the last row if its centre is above the bottom of the row, and its top above the row's centre.
    """
    rows: list[tuple[int, int, list[Shape]]] = []
    for shape in sorted(shapes, key=lambda shape: (_number(shape, "top"), _number(shape, "left"))):
        top, height = _number(shape, "top"), _number(shape, "height")
        if rows and top + height // 2 < rows[-1][1] and top < (rows[-1][0] + rows[-1][1]) // 2:
            rows[-1][2].append(shape)
        else:
            rows.append((top, top + height, [shape]))
    return [shape for _, _, row in rows for shape in sorted(row, key=lambda shape: _number(shape, "left"))]


def _number(shape: Shape, name: str) -> int:
    return int(getattr(shape, name, 0) or 0)


def _placeholder(shape: Shape) -> str:
    """Return the type of a placeholder; `obj` if it has none, and empty for other shapes."""
    placeholder = next((element for element in shape.element.iter() if local_name(element) == "ph"), None)
    if placeholder is None or local_name(shape.element) == "grpSp":
        return ""
    return placeholder.get("type") or "obj"


def _is_hidden(shape: Shape) -> bool:
    shape_properties = next((element for element in shape.element.iter() if local_name(element) == "cNvPr"), None)
    return shape_properties is not None and shape_properties.get("hidden") in ("1", "true")


def _paragraphs(shape: Shape, *, is_list: bool) -> str:
    """Return the paragraphs of a shape; the paragraphs of a list become items, and code is put in a fence."""
    paragraphs = [paragraph for paragraph in shape.text_frame._txBody if local_name(paragraph) == "p"]
    is_list = is_list and sum(bool(_paragraph(paragraph)) for paragraph in paragraphs) > 1
    blocks: list[str] = []
    for is_code, group in groupby(paragraphs, key=_is_code):
        if is_code:
            blocks.append("\n".join(["```", *("".join(_pieces(paragraph, 0)).rstrip() for paragraph in group), "```"]))
            continue
        texts = [(_level(paragraph), text) for paragraph in group if (text := _paragraph(paragraph))]
        if is_list:
            blocks.append("\n".join(f"{'  ' * level}- {' '.join(text.split())}" for level, text in texts))
        else:
            blocks += [text for _, text in texts]
    return "\n\n".join(block for block in blocks if block)


def _is_code(paragraph: Element) -> bool:
    """Return whether a paragraph is entirely in a fixed-pitch font."""
    runs = [run for run in paragraph if local_name(run) == "r" and "".join(run.itertext()).strip()]
    return bool(runs) and all(
        any(local_name(font) == "latin" and FIXED_PITCH.search(font.get("typeface") or "") for font in run.iter())
        for run in runs
    )


def _level(paragraph: Element) -> int:
    paragraph_properties = next((child for child in paragraph if local_name(child) == "pPr"), None)
    level = "" if paragraph_properties is None else paragraph_properties.get("lvl") or ""
    return int(level) if level.isdigit() and int(level) < 10 else 0


def _paragraph(paragraph: Element) -> str:
    """Return the text of a paragraph with formulas as LaTeX; empty for other elements."""
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
    run_properties = next((child for child in run if local_name(child) == "rPr"), None)
    baseline = "" if run_properties is None else run_properties.get("baseline") or ""
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
    """Return rows as a Markdown table whose first row is the header; empty rows are left out."""
    cells = [[" ".join(text.split()).replace("|", r"\|") for text in row] for row in rows if any(map(str.strip, row))]
    if not cells:
        return ""
    width = max(map(len, cells))
    lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])


def _chart(chart: Any) -> str:
    """Return the title of a chart, and its values as a table with a column per series."""
    title = ""
    if chart.has_title and chart.chart_title.has_text_frame:
        title = str(chart.chart_title.text_frame.text).strip()
    series = [
        series_element
        for plot in chart.element.iter()
        if local_name(plot) == "plotArea"
        for series_element in _descendants(plot, "ser")
    ]
    names = [" ".join(_points(series_element, "tx").values()) for series_element in series]
    labels = _points(series[0], "cat", "xVal") if series else {}
    values = [_points(series_element, "val", "yVal") for series_element in series]
    indices = sorted(labels.keys() | {index for points in values for index in points})[:_MAX_CHART_ROWS]
    rows = [[labels.get(index, ""), *(points.get(index, "") for points in values)] for index in indices]
    return "\n\n".join(part for part in (title, _markdown_table([["", *names], *rows]) if rows else "") if part)


def _descendants(element: Element, name: str) -> list[Element]:
    return [descendant for descendant in element.iter() if local_name(descendant) == name]


def _points(series: Element, *names: str) -> dict[int, str]:
    """Return the values of a series by their index from 0.

    Args:
        series: the series of a chart.
        names: names of the elements that contain the values; the series has one of them.
    """
    values: dict[int, str] = {}
    for child in series:
        if local_name(child) not in names:
            continue
        levels = _descendants(child, "lvl") or [child]
        # The levels of a label are ordered from the inner to the outer level.
        for point in (point for level in levels for point in _descendants(level, "pt")):
            text = "".join(element.text or "" for element in point if local_name(element) == "v").strip()
            index = point.get("idx", "")
            if index.isdecimal() and len(index) < 10 and text:
                values[int(index)] = f"{text} {values[int(index)]}" if int(index) in values else text
        if not values:
            values = dict(
                enumerate(value.text.strip() for value in _descendants(child, "v") if value.text and value.text.strip())
            )
    return values


def _diagram(element: Element, part: Any) -> str:
    """Return the texts of a diagram (SmartArt), which are in a separate part of the package; empty if there is none."""
    relation = next((child.get(f"{_RELATIONS}dm") for child in element.iter() if local_name(child) == "relIds"), None)
    if not relation:
        return ""
    root = parsed(part.related_part(relation).blob)
    points = [point for point in root.iter() if local_name(point) == "pt"]
    texts = [
        text
        for point in points
        for paragraph in point.iter()
        if local_name(paragraph) == "p" and (text := _paragraph(paragraph))
    ]
    return "\n".join(f"- {' '.join(text.split())}" for text in texts)
