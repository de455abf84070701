"""Word documents by mammoth: one document a file.

Before mammoth reads a package its parts are prepared: formulas become LaTeX, paragraphs and runs in code styles or in
fonts of fixed pitch get a style of their own, deleted, hidden and generated text goes, styles with an outline level
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
    """The document of a Word file (docx, docm, dotx, dotm).

    Raises:
        RecordError: it needs a password, is damaged, unpacks to too much, or holds no text.
    """
    import mammoth

    check_package(path, "word/")
    try:
        with zipfile.ZipFile(path) as archive:
            said = properties(archive)
            prepared = _prepared(archive)
    except ZIP_ERRORS:
        raise RecordError("damaged") from None
    html = mammoth.convert_to_html(
        prepared, style_map=_STYLE_MAP, include_embedded_style_map=False, convert_image=lambda image: []
    ).value
    yield said.document(markdown(html))


# --- Parts


class _Style(NamedTuple):
    is_code: bool
    is_generated: bool
    level: int  # of a heading, from 1; 0 for none


def _prepared(archive: zipfile.ZipFile) -> io.BytesIO:
    """The package with its parts prepared, without pictures and what is embedded."""
    from lxml import etree

    names = archive.namelist()
    styles = _styles(archive) if "word/styles.xml" in names else {}
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as copy:
        for name in names:
            if not name.endswith((".xml", ".rels")):
                continue
            data = archive.read(name)
            root = parsed(data)
            if _TEXT_PARTS.match(name):
                _prepare(root, styles)
                data = etree.tostring(root, encoding="utf-8", xml_declaration=True)
            copy.writestr(name, data)
    result.seek(0)
    return result


def _styles(archive: zipfile.ZipFile) -> dict[str, _Style]:
    """What each style means, with what it takes over from the styles that it is based on."""
    elements = {
        _attribute(style, "styleId"): style
        for style in parsed(archive.read("word/styles.xml"))
        if local_name(style) == "style"
    }
    found: dict[str, _Style] = {}
    for identity, style in elements.items():
        chain, one = [style], style
        while (base := _value(one, "basedOn")) in elements and len(chain) < 20:
            one = elements[base]
            chain.append(one)
        own_name = _value(style, "name")
        levels = (_level(one) for one in chain)
        found[identity] = _Style(
            is_code=bool(_CODE_STYLE.search(own_name))
            or any(_has_fixed_pitch(_child(one, "rPr")) for one in chain[:2]),
            is_generated=bool(_GENERATED_STYLE.match(own_name)),
            level=next((level for level in levels if level), 0),
        )
    return found


def _level(style: Element) -> int:
    """The level of the headings of a style, from 1; 0 where it is for none."""
    properties_ = _child(style, "pPr")
    level = "" if properties_ is None else _value(properties_, "outlineLvl")
    name = re.fullmatch(r"heading (\d)", _value(style, "name"), re.IGNORECASE)
    number = int(level) + 1 if level.isdigit() else int(name.group(1)) if name else 0
    return number if number <= 6 else 6 if number < 10 and name else 0


def _prepare(root: Element, styles: dict[str, _Style]) -> None:
    """Change the text of a part so that nothing is lost, or shown that people do not see."""
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
        elif name == "oMath" and (above := element.getparent()) is not None and local_name(above) != "oMathPara":
            tex = latex(element)
            _replace_by_text(element, f"${tex}$" if tex else "")


def _set_style(paragraph: Element, style: _Style | None, styles: dict[str, _Style]) -> None:
    properties_ = _child(paragraph, "pPr")
    own_level = "" if properties_ is None else _value(properties_, "outlineLvl")
    level = int(own_level) + 1 if own_level.isdigit() and int(own_level) < 6 else style.level if style else 0
    runs = [run for run in paragraph.iter() if local_name(run) == "r" and _has_text(run)]
    fixed = [run for run in runs if _is_code_run(run, styles)]
    if (style and style.is_code) or (runs and len(fixed) == len(runs)):
        _give_style(paragraph, "pPr", "pStyle", _CODE_ID)
        for run in runs:
            # Within code no run is marked again.
            _give_style(run, "rPr", "rStyle", "")
        return
    for run in fixed:
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

    space = element.tag.rpartition("}")[0] + "}"
    properties_ = _child(element, properties_name)
    if properties_ is None:
        if not style:
            return
        properties_ = etree.Element(space + properties_name)
        element.insert(0, properties_)
    named = _child(properties_, style_name)
    if named is not None:
        properties_.remove(named)
    if style:
        properties_.insert(0, etree.Element(space + style_name, {space + "val": style}))


def _replace_by_text(element: Element, text: str) -> None:
    """Put a run with a text in the place of an element."""
    from lxml import etree

    above = element.getparent()
    if above is None:
        return
    paragraph = next((one for one in element.iterancestors() if local_name(one) == "p"), None)
    root = paragraph if paragraph is not None else element.getroottree().getroot()
    space = root.tag.rpartition("}")[0] + "}"
    run = etree.Element(space + "r")
    content = etree.SubElement(run, space + "t")
    content.text = text
    content.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    run.tail = element.tail
    new = run
    if paragraph is None:
        # A formula may stand where a paragraph is.
        new = etree.Element(space + "p")
        new.append(run)
    above.replace(element, new)


def _remove(element: Element) -> None:
    above = element.getparent()
    if above is not None:
        above.remove(element)


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
    """The HTML that mammoth writes as Markdown."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Table:
    """A table that is being read; `rows` hold for each cell its blocks and how many columns and rows it takes."""

    def __init__(self) -> None:
        self.rows: list[list[tuple[list[str], int, int]]] = []
        self.has_header = False


class _Writer(HTMLParser):
    """Writes blocks; those of a table's cell are kept apart until the table ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.parts: list[str] = []
        self.outputs: list[list[str]] = [self.blocks]
        self.tables: list[_Table] = []
        self.spans: list[tuple[int, int]] = []
        self.lists: list[list[Any]] = []  # kind, number, and whether the item has written its mark
        self.heading = 0
        self.code = 0
        self.reference = ""  # of the note that a link points to
        self.note = ""  # the note that begins
        self.numbers: dict[str, str] = {}  # of notes, as they are shown
        self.in_back_link = False

    def text(self) -> str:
        """All blocks; items of a list stand on lines of their own."""
        self._end_block()
        return _joined(self.blocks)

    # The names of the next three are given by HTMLParser.

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        if tag in ("p", "pre", "ul", "ol", "li", "table", "tr", "td", "th") or _level_of(tag):
            self._end_block()
        values = {key: value or "" for key, value in attributes}
        begin = getattr(self, f"_begin_{tag}", None)
        if begin is not None:
            begin(values)
        elif _level_of(tag):
            self.heading = _level_of(tag)

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        end = getattr(self, f"_end_{tag}", None)
        if end is not None:
            end()
        elif tag in ("p", "li") or _level_of(tag):
            self._end_block()

    def handle_data(self, data: str) -> None:
        """Take text."""
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
        identity = note.group(1) + note.group(2) if note else ""
        self.note = self.numbers.get(identity, identity)
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
            # A table of one column is a frame.
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
            indent = "".join("  " if one[0] == "ul" else "   " for one in self.lists[:-1])
            mark = "- " if kind == "ul" else f"{number}. "
            rest = " " * len(mark)
            self.lists[-1][2] = True
            text = indent + (rest if has_mark else mark) + text.replace("\n", "\n" + indent + rest)
        self.outputs[-1].append(text)


def _level_of(tag: str) -> int:
    return int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456" else 0


def _grid(table: _Table) -> list[list[str]]:
    """The texts of a table's cells, with empty ones where a cell takes several columns or rows."""
    open_columns: dict[int, int] = {}
    rows: list[list[str]] = []
    for row in table.rows:
        texts: list[str] = []
        cells = iter(row)
        cell = next(cells, None)
        while cell is not None or open_columns.get(len(texts), 0) > 0:
            column = len(texts)
            if open_columns.get(column, 0) > 0:
                open_columns[column] -= 1
                texts.append("")
                continue
            assert cell is not None
            blocks, across, down = cell
            texts += [" ".join(" ".join(blocks).split()), *([""] * (across - 1))]
            for place in range(column, column + across):
                open_columns[place] = down - 1
            cell = next(cells, None)
        rows.append(texts)
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows if any(row)]


def _table_text(rows: list[list[str]]) -> str:
    written = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return "\n".join([written[0], "|" + "---|" * len(rows[0]), *written[1:]])


_ITEM = re.compile(r"\s*(?:- |\d+\. |  )\S?")


def _joined(blocks: list[str]) -> str:
    """Blocks with a blank line between, items of a list with none."""
    out: list[str] = []
    for before, block in zip(["", *blocks], blocks, strict=False):
        if out:
            both = _ITEM.match(before) and _ITEM.match(block) and "```" not in before + block
            out.append("\n" if both else "\n\n")
        out.append(block)
    return "".join(out)
