"""Read Word documents with mammoth: a document per file.

The parts of a package are prepared before mammoth reads it: formulas become LaTeX; paragraphs and runs in code styles
or fixed-pitch fonts get a common style; deleted, hidden and generated text is removed; and styles with an outline level
become headings. Pictures are left out, so that memory does not grow with them.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from kgsynth.errors import RecordError
from kgsynth.records import Document
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.office import FIXED_PITCH, ZIP_ERRORS, check_package, parsed, properties
from kgsynth_loaders.readers.omml import formulas, latex, local_name

Element = Any  # an element of lxml, which ships no types

_CODE_STYLE = re.compile(
    r"source ?code|verbatim|preformatted|\bcode\b|^code|code$|listing(?! caption)|"
    r"html (?:code|sample|typewriter|keyboard)|macro text",
    re.IGNORECASE,
)
_GENERATED_STYLE = re.compile(r"(?:toc \d|toc heading|table of figures|index \d)\Z", re.IGNORECASE)
_CODE_ID = "KgsynthCode"
_HEADING_ID = "KgsynthHeading"
_STYLE_MAP = "\n".join(
    [
        f"p.{_CODE_ID} => pre:separator('\\n')",
        f"r.{_CODE_ID} => code",
        *(f"p.{_HEADING_ID}{level} => h{level}:fresh" for level in range(1, 7)),
        "p[style-name='Title'] => h1:fresh",
    ]
)
_REMOVED = frozenset(
    {"del", "moveFrom", "instrText", "delText", "commentReference", "proofErr", "lastRenderedPageBreak"}
)
_OFF = frozenset({"0", "off", "false", "none"})
_TEXT_PARTS = re.compile(r"word/(?:document\d*|footnotes\d*|endnotes\d*)\.xml\Z")


def read(path: Path, options: ReadOptions) -> Iterator[Document]:
    """Yield the document of a Word file (docx, docm, dotx, dotm).

    Raises:
        RecordError: the file needs a password, is damaged, is too large when unpacked, or has no text.
    """
    import mammoth

    check_package(path, "word/")
    try:
        with zipfile.ZipFile(path) as archive:
            file_properties = properties(archive)
            prepared = _prepared(archive)
    except ZIP_ERRORS:
        raise RecordError("damaged") from None
    html = mammoth.convert_to_html(
        prepared, style_map=_STYLE_MAP, include_embedded_style_map=False, convert_image=lambda image: []
    ).value
    yield file_properties.document(markdown(html))


# --- Parts


class _Style(NamedTuple):
    is_code: bool
    is_generated: bool
    level: int  # Level of a heading, from 1; 0 for other styles.


def _prepared(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return the package with prepared parts, and without pictures and embedded files."""
    from lxml import etree

    names = archive.namelist()
    styles = _styles(archive) if "word/styles.xml" in names else {}
    prepared = io.BytesIO()
    with zipfile.ZipFile(prepared, "w", zipfile.ZIP_STORED) as copy:
        for name in names:
            if not name.endswith((".xml", ".rels")):
                continue
            data = archive.read(name)
            root = parsed(data)
            if _TEXT_PARTS.match(name):
                _prepare(root, styles)
                data = etree.tostring(root, encoding="utf-8", xml_declaration=True)
            copy.writestr(name, data)
    prepared.seek(0)
    return prepared


def _styles(archive: zipfile.ZipFile) -> dict[str, _Style]:
    """Return the styles by their id, with the properties that they inherit from the styles they are based on."""
    elements = {
        _attribute(style, "styleId"): style
        for style in parsed(archive.read("word/styles.xml"))
        if local_name(style) == "style"
    }
    styles: dict[str, _Style] = {}
    for style_id, style in elements.items():
        chain, ancestor = [style], style
        while (base := _value(ancestor, "basedOn")) in elements and len(chain) < 20:
            ancestor = elements[base]
            chain.append(ancestor)
        name = _value(style, "name")
        levels = (_level(ancestor) for ancestor in chain)
        styles[style_id] = _Style(
            is_code=bool(_CODE_STYLE.search(name))
            or any(_has_fixed_pitch(_child(ancestor, "rPr")) for ancestor in chain[:2]),
            is_generated=bool(_GENERATED_STYLE.match(name)),
            level=next((level for level in levels if level), 0),
        )
    return styles


def _level(style: Element) -> int:
    """Return the heading level of a style, from 1; 0 if the style is not for headings."""
    properties_ = _child(style, "pPr")
    level = "" if properties_ is None else _value(properties_, "outlineLvl")
    name = re.fullmatch(r"heading (\d)", _value(style, "name"), re.IGNORECASE)
    number = int(level) + 1 if level.isdigit() else int(name.group(1)) if name else 0
    return number if number <= 6 else 6 if number < 10 and name else 0


def _prepare(root: Element, styles: dict[str, _Style]) -> None:
    """Change a part in place: remove text that readers do not see, set styles, and convert formulas to LaTeX."""
    removed: list[Element] = []
    for element in root.iter():
        name = local_name(element)
        if name in _REMOVED or (name == "r" and _is_hidden(element)):
            removed.append(element)
        elif name == "p":
            style = styles.get(_style_of(element))
            if style and style.is_generated:
                removed.append(element)
            else:
                _set_style(element, style, styles)
    for element in removed:
        _remove(element)
    for element in list(root.iter()):
        name = local_name(element)
        if name == "oMathPara":
            _replace_by_text(element, " ".join(f"$${tex}$$" for tex in formulas(element)))
        elif name == "oMath" and (parent := element.getparent()) is not None and local_name(parent) != "oMathPara":
            tex = latex(element)
            _replace_by_text(element, f"${tex}$" if tex else "")


def _set_style(paragraph: Element, style: _Style | None, styles: dict[str, _Style]) -> None:
    properties_ = _child(paragraph, "pPr")
    outline_level = "" if properties_ is None else _value(properties_, "outlineLvl")
    level = (
        int(outline_level) + 1 if outline_level.isdigit() and int(outline_level) < 6 else style.level if style else 0
    )
    runs = [run for run in paragraph.iter() if local_name(run) == "r" and _has_text(run)]
    code_runs = [run for run in runs if _is_code_run(run, styles)]
    if (style and style.is_code) or (runs and len(code_runs) == len(runs)):
        _give_style(paragraph, "pPr", "pStyle", _CODE_ID)
        for run in runs:
            # Runs within a code block are not marked as code again.
            _give_style(run, "rPr", "rStyle", "")
        return
    for run in code_runs:
        _give_style(run, "rPr", "rStyle", _CODE_ID)
    if level:
        _give_style(paragraph, "pPr", "pStyle", f"{_HEADING_ID}{level}")


def _is_code_run(run: Element, styles: dict[str, _Style]) -> bool:
    properties_ = _child(run, "rPr")
    if properties_ is None:
        return False
    style = styles.get(_value(properties_, "rStyle"))
    return bool(style and style.is_code) or _has_fixed_pitch(properties_)


def _has_fixed_pitch(properties_: Element | None) -> bool:
    fonts = None if properties_ is None else _child(properties_, "rFonts")
    name = "" if fonts is None else _attribute(fonts, "ascii") or _attribute(fonts, "hAnsi")
    return FIXED_PITCH.search(name) is not None


def _has_text(run: Element) -> bool:
    return any(local_name(child) == "t" and (child.text or "").strip() for child in run)


def _is_hidden(run: Element) -> bool:
    properties_ = _child(run, "rPr")
    vanish = None if properties_ is None else _child(properties_, "vanish")
    return vanish is not None and _attribute(vanish, "val") not in _OFF


def _give_style(element: Element, properties_name: str, style_name: str, style: str) -> None:
    from lxml import etree

    namespace = element.tag.rpartition("}")[0] + "}"
    properties_ = _child(element, properties_name)
    if properties_ is None:
        if not style:
            return
        properties_ = etree.Element(namespace + properties_name)
        element.insert(0, properties_)
    old_style = _child(properties_, style_name)
    if old_style is not None:
        properties_.remove(old_style)
    if style:
        properties_.insert(0, etree.Element(namespace + style_name, {namespace + "val": style}))


def _replace_by_text(element: Element, text: str) -> None:
    """Replace an element by a run with a text."""
    from lxml import etree

    parent = element.getparent()
    if parent is None:
        return
    paragraph = next((ancestor for ancestor in element.iterancestors() if local_name(ancestor) == "p"), None)
    root = paragraph if paragraph is not None else element.getroottree().getroot()
    namespace = root.tag.rpartition("}")[0] + "}"
    run = etree.Element(namespace + "r")
    content = etree.SubElement(run, namespace + "t")
    content.text = text
    content.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    run.tail = element.tail
    replacement = run
    if paragraph is None:
        # A formula outside a paragraph needs a paragraph around its run.
        replacement = etree.Element(namespace + "p")
        replacement.append(run)
    parent.replace(element, replacement)


def _remove(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if local_name(child) == name), None)


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _value(element: Element, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else _attribute(child, "val")


def _style_of(paragraph: Element) -> str:
    properties_ = _child(paragraph, "pPr")
    return "" if properties_ is None else _value(properties_, "pStyle")


# --- Markdown


def markdown(html: str) -> str:
    """Convert the HTML that mammoth writes to Markdown."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Table:
    """A table that is being read; a cell in `rows` is its blocks and the numbers of columns and rows that it spans."""

    def __init__(self) -> None:
        self.rows: list[list[tuple[list[str], int, int]]] = []
        self.has_header = False


class _Writer(HTMLParser):
    """Writes blocks; the blocks of a table's cells are kept separate until the table ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.parts: list[str] = []
        self.outputs: list[list[str]] = [self.blocks]
        self.tables: list[_Table] = []
        self.spans: list[tuple[int, int]] = []
        self.lists: list[list[Any]] = []  # Kind, number, and whether the mark of the item is written.
        self.heading = 0
        self.code = 0
        self.reference = ""  # Id of the note that the open link refers to.
        self.note = ""  # Number or id of a note whose text begins.
        self.numbers: dict[str, str] = {}  # Displayed numbers of the notes, by their id.
        self.in_back_link = False

    def text(self) -> str:
        """Return all blocks as a text; items of a list are separated by line ends."""
        self._end_block()
        return _joined(self.blocks)

    # HTMLParser calls the next three methods.

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        if tag in ("p", "pre", "ul", "ol", "li", "table", "tr", "td", "th") or _level_of(tag):
            self._end_block()
        values = {key: value or "" for key, value in attributes}
        handler = getattr(self, f"_begin_{tag}", None)
        if handler is not None:
            handler(values)
        elif _level_of(tag):
            self.heading = _level_of(tag)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        handler = getattr(self, f"_end_{tag}", None)
        if handler is not None:
            handler()
        elif tag in ("p", "li") or _level_of(tag):
            self._end_block()

    def handle_data(self, data: str) -> None:
        """Add text."""
        number = data.strip("[]")
        if self.reference and number.isdigit():
            self.numbers[self.reference] = number
            self.parts.append(f"[^{number}]")
        elif not self.in_back_link:
            self.parts.append(data)

    def _begin_pre(self, values: dict[str, str]) -> None:
        self.code += 1

    def _end_pre(self) -> None:
        code = "".join(self.parts).strip("\n")
        self.parts = []
        self.code -= 1
        if code.strip():
            fence = "````" if "```" in code else "```"
            self._add(f"{fence}\n{code}\n{fence}")

    def _begin_code(self, values: dict[str, str]) -> None:
        if not self.code:
            self.parts.append("`")

    def _end_code(self) -> None:
        if not self.code:
            self.parts.append("`")

    def _begin_br(self, values: dict[str, str]) -> None:
        self.parts.append("\n")

    def _begin_sup(self, values: dict[str, str]) -> None:
        self.parts.append("^{")

    def _begin_sub(self, values: dict[str, str]) -> None:
        self.parts.append("_{")

    def _end_sup(self) -> None:
        if len(self.parts) > 1 and self.parts[-2] == "^{" and self.parts[-1].startswith("[^"):
            del self.parts[-2]
        else:
            self.parts.append("}")

    def _end_sub(self) -> None:
        self.parts.append("}")

    def _begin_a(self, values: dict[str, str]) -> None:
        target = re.fullmatch(r"#.*?(footnote|endnote)-(ref-)?(.+)", values.get("href", ""))
        if target and target.group(2):
            self.in_back_link = True
        elif target:
            self.reference = target.group(1) + target.group(3)

    def _end_a(self) -> None:
        self.reference, self.in_back_link = "", False

    def _begin_ul(self, values: dict[str, str]) -> None:
        self.lists.append(["ul", 0, False])

    def _begin_ol(self, values: dict[str, str]) -> None:
        self.lists.append(["ol", 0, False])

    def _end_ul(self) -> None:
        self._end_block()
        if self.lists:
            self.lists.pop()

    _end_ol = _end_ul

    def _begin_li(self, values: dict[str, str]) -> None:
        note = re.fullmatch(r".*?(footnote|endnote)-(\w+)", values.get("id", ""))
        note_id = note.group(1) + note.group(2) if note else ""
        self.note = self.numbers.get(note_id, note_id)
        if self.lists:
            self.lists[-1][1] += 1
            self.lists[-1][2] = False

    def _begin_table(self, values: dict[str, str]) -> None:
        self.tables.append(_Table())

    def _begin_thead(self, values: dict[str, str]) -> None:
        if self.tables:
            self.tables[-1].has_header = True

    def _begin_tr(self, values: dict[str, str]) -> None:
        if self.tables:
            self.tables[-1].rows.append([])

    def _begin_td(self, values: dict[str, str]) -> None:
        across, down = values.get("colspan", "1"), values.get("rowspan", "1")
        self.spans.append((int(across) if across.isdigit() else 1, int(down) if down.isdigit() else 1))
        self.outputs.append([])

    _begin_th = _begin_td

    def _end_td(self) -> None:
        self._end_block()
        if len(self.outputs) > 1 and self.tables:
            blocks = self.outputs.pop()
            across, down = self.spans.pop()
            if not self.tables[-1].rows:
                self.tables[-1].rows.append([])
            self.tables[-1].rows[-1].append((blocks, min(across, 200), min(down, 1000)))

    _end_th = _end_td

    def _end_table(self) -> None:
        self._end_block()
        if not self.tables:
            return
        table = self.tables.pop()
        if all(len(row) <= 1 for row in table.rows):
            # A table with a single column is a frame around text.
            for row in table.rows:
                for blocks, _, _ in row:
                    self.outputs[-1].extend(blocks)
            return
        rows = _grid(table)
        if self.tables:
            self._add("; ".join(", ".join(cell for cell in row if cell) for row in rows if any(row)))
        elif rows:
            self._add(_table_text(rows))

    def _end_block(self) -> None:
        if self.code:
            return
        text = re.sub(r"[ \t\xa0]+", " ", "".join(self.parts))
        text = "\n".join(line.strip() for line in text.split("\n")).strip()
        self.parts = []
        level, self.heading = self.heading, 0
        if not text:
            return
        if level:
            text = f"{'#' * level} {' '.join(text.split())}"
        self._add(text)

    def _add(self, text: str) -> None:
        if self.note:
            text, self.note = f"[^{self.note}]: {text}", ""
        elif self.lists and len(self.outputs) == 1:
            kind, number, has_mark = self.lists[-1]
            indent = "".join("  " if open_list[0] == "ul" else "   " for open_list in self.lists[:-1])
            mark = "- " if kind == "ul" else f"{number}. "
            continuation_indent = " " * len(mark)
            self.lists[-1][2] = True
            text = (
                indent
                + (continuation_indent if has_mark else mark)
                + text.replace("\n", "\n" + indent + continuation_indent)
            )
        self.outputs[-1].append(text)


def _level_of(tag: str) -> int:
    return int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456" else 0


def _grid(table: _Table) -> list[list[str]]:
    """Return the texts of a table's cells; spans are filled with empty texts, and all rows have the same length."""
    # Number of further rows that a cell spans, by column.
    rows_left: dict[int, int] = {}
    rows: list[list[str]] = []
    for row in table.rows:
        texts: list[str] = []
        cells = iter(row)
        cell = next(cells, None)
        while cell is not None or rows_left.get(len(texts), 0) > 0:
            column = len(texts)
            if rows_left.get(column, 0) > 0:
                rows_left[column] -= 1
                texts.append("")
                continue
            assert cell is not None
            blocks, across, down = cell
            texts += [" ".join(" ".join(blocks).split()), *([""] * (across - 1))]
            for spanned_column in range(column, column + across):
                rows_left[spanned_column] = down - 1
            cell = next(cells, None)
        rows.append(texts)
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows if any(row)]


def _table_text(rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


_ITEM = re.compile(r"\s*(?:- |\d+\. |  )\S?")


def _joined(blocks: list[str]) -> str:
    """Join blocks with blank lines, and items of a list with line ends."""
    parts: list[str] = []
    for previous, block in zip(["", *blocks], blocks, strict=False):
        if parts:
            are_items = _ITEM.match(previous) and _ITEM.match(block) and "```" not in previous + block
            parts.append("\n" if are_items else "\n\n")
        parts.append(block)
    return "".join(parts)
