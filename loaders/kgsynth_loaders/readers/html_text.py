"""Write an HTML element as Markdown."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from kgsynth_loaders.readers.html_code import code_text, is_code_block, language_of
from kgsynth_loaders.readers.html_elements import BLOCKS, CODE_TAGS, FORMULA, PRE_TAGS, Element, is_heading
from kgsynth_loaders.readers.html_math import TEX_IMAGE
from kgsynth_loaders.readers.html_tables import Table, layout_tables

SPACE = re.compile(r"[ \t\r\n\f\u00a0\u2000-\u200a\u202f\u3000]+")
_SPACE_OR_NONE = {0xAD: None, 0x200B: None, 0xFEFF: None, 0x2060: None}
_MAX_INDENTS = 10
_PREFORMATTED = re.compile(r"white-space\s*:\s*pre(?!-line)", re.IGNORECASE)
_CONTENTS = re.compile(r"#{1,6} (?:(?:table of |short )?contents|on this page)", re.IGNORECASE)
_DELIMITER = re.compile(r"(?<!\\)\\([()\[\]])")
_NO_FORMULA = re.compile(r"\W*|(?:and|or|to|und|et|\.\.\.|…)")


def markdown_of(root: Element) -> str:
    """Return an element as Markdown; the tree is walked without recursion."""
    from lxml import etree

    layout = layout_tables(root)
    writer = _Writer(layout)
    walker = etree.iterwalk(root, events=("start", "end"))
    skipped: Element | None = None
    for event, element in walker:
        if event == "start":
            if writer.start(element):
                skipped = element
                walker.skip_subtree()
            continue
        if element is skipped:
            skipped = None
        else:
            writer.end(element)
        if element is not root and element.tail:
            writer.text(element.tail)
    return writer.finish()


@dataclass(slots=True)
class _Frame:
    """The output of blocks: the page, or a cell of a table.

    Attributes:
        is_cell: whether this is a cell of a table.
        parts: blocks of Markdown, and the separators between them.
        inline: pieces of the open paragraph, each with its kind: "text", "code", or "raw" for text that is not changed.
        indents: prefixes of each line, one per open list item or quotation.
        marker: mark of a list item, which is written before the next block; None if no mark is due.
        heading: mark of the open heading, for example "## "; empty outside of a heading.
        ends_in_space: whether white space at the start of the next text is dropped.
        was_item: whether the last block was the first one of a list item.
        was_term: whether the last block was the term of a definition.
        is_definition: whether the next paragraph is the first one of a definition.
    """

    is_cell: bool = False
    parts: list[str] = field(default_factory=list)
    inline: list[tuple[str, str]] = field(default_factory=list)
    indents: list[str] = field(default_factory=list)
    marker: str | None = None
    heading: str = ""
    ends_in_space: bool = True
    was_item: bool = False
    was_term: bool = False
    is_definition: bool = False


class _Writer:
    """Writes Markdown while a tree is walked: `start` and `end` take elements, `text` takes the text between them."""

    def __init__(self, layout: set[Element]) -> None:
        self.layout = layout
        self.frame = _Frame()
        self.frames: list[_Frame] = []
        self.tables: list[Table | None] = []
        self.lists: list[int | None] = []  # the number of the next item; None in a list without numbers
        self.starts: dict[str, Callable[[Element], bool]] = {
            "br": self._break, "hr": self._rule, "ul": self._list, "ol": self._list, "menu": self._list,
            "dir": self._list, "li": self._item, "blockquote": self._quotation, "dd": self._description,
            "table": self._table, "tr": self._row, "td": self._cell, "th": self._cell, "sup": self._script,
            "sub": self._script, "q": self._quote, "rt": self._ruby, "rp": self._ruby, "img": self._image,
            FORMULA: self._formula,
        }  # fmt: skip

    # Text

    def text(self, text: str | None) -> None:
        """Add text, with each run of white space replaced by one space."""
        if not text:
            return
        frame = self.frame
        text = SPACE.sub(" ", text.translate(_SPACE_OR_NONE))
        if frame.ends_in_space and text[:1] == " ":
            text = text[1:]
        if text:
            frame.inline.append((text, "text"))
            frame.ends_in_space = text[-1] == " "

    def raw(self, text: str) -> None:
        """Add text to the open paragraph without changing it."""
        self.frame.inline.append((text, "raw"))
        self.frame.ends_in_space = text.endswith("\n")

    def flush(self, *, is_term: bool = False) -> None:
        """End the open paragraph and write it as a block; `is_term` says that it is the term of a definition."""
        frame = self.frame
        if not frame.inline:
            return
        text = _joined_pieces(frame.inline, frame.is_cell).strip()
        frame.inline, frame.ends_in_space = [], True
        if not text:
            return
        if frame.heading and not frame.is_cell:
            text = frame.heading + " ".join(text.split())
        if frame.is_definition and not frame.is_cell:
            self.block(f": {text}")
            frame.is_definition = False
        else:
            self.block(text)
        frame.was_term = is_term

    def block(self, text: str) -> None:
        """Add a block of Markdown, prefixed with the marks of the lists and quotations around it."""
        frame = self.frame
        is_item = frame.marker is not None
        indent = "".join(frame.indents)
        first_indent = indent
        if is_item and frame.marker is not None:
            outer_indent = indent[: len(indent) - len(frame.indents[-1])] if frame.indents else ""
            first_indent = outer_indent + frame.marker
            frame.marker = None
        if text.startswith("#") and frame.parts and _CONTENTS.fullmatch(frame.parts[-1]):
            # The block before this heading is a heading of contents, whose list has been left out.
            del frame.parts[-2:]
        if frame.is_cell:
            if frame.parts:
                frame.parts.append("; " if is_item else " ")
        elif frame.parts:
            is_adjacent = (is_item and frame.was_item) or (frame.was_term and frame.is_definition)
            frame.parts.append("\n" if is_adjacent else "\n\n")
        frame.was_item, frame.was_term = is_item, False
        if frame.is_cell:
            frame.parts.append(text)
            return
        frame.parts.append(first_indent + text.replace("\n", f"\n{indent}") if indent or first_indent else text)

    def finish(self) -> str:
        """Close what is open and return the Markdown."""
        while self.frames:
            self._close_cell(None)
        self.flush()
        return "".join(self.frame.parts).strip("\n")

    # Elements

    def start(self, element: Element) -> bool:
        """Begin an element; return true if it has been written completely, so that its children are skipped."""
        tag = element.tag
        if tag in PRE_TAGS or (tag == "div" and is_code_block(element)):
            return self._code_block(element)
        if tag in CODE_TAGS and element.find(".//pre") is None:
            return self._code(element)
        start_element = self.starts.get(tag)
        if start_element is not None:
            if start_element(element):
                return True
        elif is_heading(tag):
            self.flush()
            self.frame.heading = "#" * int(tag[1]) + " "
        elif tag in BLOCKS:
            self._boundary()
        self.text(element.text)
        return False

    def end(self, element: Element) -> None:
        """End an element for which `start` returned false."""
        tag = element.tag
        if tag in ("sup", "sub"):
            self._end_script()
        elif tag == "q":
            self.raw("”")
        elif tag == "rt":
            self.text(")")
        elif is_heading(tag):
            self.flush()
            self.frame.heading = ""
        elif tag == "table":
            self._end_table()
        elif tag in ("td", "th") and self.tables and self.tables[-1] is not None:
            self._close_cell(element)
        elif tag == "dt" and not self.frame.heading:
            self.flush(is_term=True)
        elif tag in BLOCKS:
            self._boundary()
            if tag in ("ul", "ol", "menu", "dir") and self.lists:
                self.lists.pop()
                self.frame.was_item = self.frame.was_item and bool(self.lists)
            elif tag in ("li", "blockquote") and self.frame.indents:
                self.frame.indents.pop()
                self.frame.marker = None
            elif tag == "dd":
                self.frame.is_definition = False

    def _boundary(self) -> None:
        if self.frame.heading:
            self.text(" ")
        else:
            self.flush()

    def _break(self, element: Element) -> bool:
        if self.frame.heading or self.frame.is_cell:
            self.text(" ")
        elif self.frame.inline:
            self.raw("\n")
        return False

    def _rule(self, element: Element) -> bool:
        self._boundary()
        return False

    def _list(self, element: Element) -> bool:
        self._boundary()
        start = (element.get("start") or "1").strip()
        number = int(start) if re.fullmatch(r"\d{1,8}", start, re.ASCII) else 1
        self.lists.append(number if element.tag == "ol" else None)
        return False

    def _item(self, element: Element) -> bool:
        self._boundary()
        number = self.lists[-1] if self.lists else None
        marker = "- "
        if number is not None:
            value = (element.get("value") or "").strip()
            number = int(value) if re.fullmatch(r"\d{1,8}", value, re.ASCII) else number
            marker = f"{number}. "
            self.lists[-1] = number + 1
        is_deepest = len(self.frame.indents) >= _MAX_INDENTS
        self.frame.indents.append("" if is_deepest else " " * len(marker))
        self.frame.marker = marker
        return False

    def _quotation(self, element: Element) -> bool:
        self._boundary()
        self.frame.indents.append("" if len(self.frame.indents) >= _MAX_INDENTS else "> ")
        return False

    def _description(self, element: Element) -> bool:
        self._boundary()
        self.frame.is_definition = self.frame.was_term
        return False

    def _table(self, element: Element) -> bool:
        self._boundary()
        self.tables.append(None if element in self.layout else Table())
        return False

    def _row(self, element: Element) -> bool:
        table = self.tables[-1] if self.tables else None
        if table is None:
            self._boundary()
        else:
            table.open_row()
        return False

    def _cell(self, element: Element) -> bool:
        table = self.tables[-1] if self.tables else None
        if table is None:
            self._boundary()
            return False
        if not table.is_row_open:
            table.open_row()
        self.frames.append(self.frame)
        self.frame = _Frame(is_cell=True)
        return False

    def _close_cell(self, cell: Element | None) -> None:
        self.flush()
        text = " ".join("".join(self.frame.parts).split())
        self.frame = self.frames.pop()
        table = self.tables[-1] if self.tables else None
        if table is not None and cell is not None:
            table.add(text, cell)
        elif text:
            self.block(text)

    def _end_table(self) -> None:
        self._boundary()
        table = self.tables.pop() if self.tables else None
        if table is None:
            return
        if self.frame.is_cell:
            for row in table.rows:
                if any(row):
                    self.frame.marker = ""
                    self.block(", ".join(cell for cell in row if cell))
            return
        lines = table.lines()
        if lines:
            self.block("\n".join(lines))

    def _script(self, element: Element) -> bool:
        self.raw("^{" if element.tag == "sup" else "_{")
        self.frame.ends_in_space = True
        return False

    def _end_script(self) -> None:
        inline = self.frame.inline
        if inline and inline[-1] in (("^{", "raw"), ("_{", "raw")):
            inline.pop()
            return
        if inline and inline[-1][1] == "text":
            inline[-1] = (inline[-1][0].rstrip(" "), "text")
        self.raw("}")

    def _quote(self, element: Element) -> bool:
        self.raw("“")
        return False

    def _ruby(self, element: Element) -> bool:
        if element.tag == "rp" or not "".join(element.itertext()).strip():
            # `rp` holds parentheses for browsers without ruby; they would repeat those that are written here.
            return True
        self.text("(")
        return False

    def _image(self, element: Element) -> bool:
        class_names = (element.get("class") or "").lower()
        alt = element.get("alt") or ""
        is_formula = TEX_IMAGE.search(class_names) is not None
        if is_formula or (len(alt) <= 8 and ("emoji" in class_names or "smiley" in class_names)):
            self.text(alt)
        return True

    def _formula(self, element: Element) -> bool:
        tex = element.get("tex") or ""
        if not tex.strip():
            return True
        if not element.get("display") or self.frame.is_cell or self.frame.heading:
            self.raw(f"${tex}$")
        else:
            self.flush()
            self.block(f"$${tex}$$")
        return True

    def _code(self, element: Element) -> bool:
        code = code_text(element)
        is_block = element.find(".//br") is not None or _PREFORMATTED.search(element.get("style") or "")
        if is_block and "\n" in code.strip("\n") and not self.frame.is_cell:
            return self._fence(code, language_of(element))
        code = SPACE.sub(" ", code)
        if not code.strip():
            self.text(code)
            return True
        if code[0] == " ":
            self.text(" ")
        self.frame.inline.append((code.strip(), "code"))
        self.frame.ends_in_space = False
        if code[-1] == " ":
            self.text(" ")
        return True

    def _code_block(self, element: Element) -> bool:
        code = code_text(element)
        if self.frame.is_cell or self.frame.heading:
            if code.strip():
                self._boundary()
                self.frame.inline.append((" ".join(code.split()), "code"))
                self._boundary()
            return True
        return self._fence(code, language_of(element))

    def _fence(self, code: str, language: str) -> bool:
        self.flush()
        code = code.removeprefix("\n").rstrip()
        if code.strip():
            longest = max((len(backticks) for backticks in re.findall(r"`{3,}", code)), default=2)
            fence = "`" * (longest + 1)
            self.block(f"{fence}{language}\n{code}\n{fence}")
        return True


def _in_backticks(code: str) -> str:
    longest = max((len(backticks) for backticks in re.findall(r"`+", code)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {code} {fence}" if longest else f"{fence}{code}{fence}"


def _joined_pieces(pieces: list[tuple[str, str]], is_cell: bool) -> str:
    """Join the pieces of a paragraph: code in backticks, formulas between dollar signs, bars in a cell escaped.

    Adjacent pieces of the same kind are joined first.
    """
    texts: list[str] = []
    for kind, group in itertools.groupby(pieces, key=lambda piece: piece[1]):
        text = "".join(piece[0] for piece in group)
        if kind == "text":
            text = _with_dollars(text)
        elif kind == "code":
            text = _in_backticks(text)
        if is_cell and (kind == "code" or (kind == "text" and "$" not in text)):
            text = text.replace("|", "\\|")
        texts.append(text)
    joined = "".join(texts)
    return re.sub(r" *\n *", "\n", joined) if "\n" in joined else joined


def _with_dollars(text: str) -> str:
    r"""Replace `\(…\)` by `$…$` and `\[…\]` by `$$…$$`."""
    if "\\" not in text:
        return text
    pieces = _DELIMITER.split(text)
    if len(pieces) < 5:
        return text
    index = 1
    texts = [pieces[0]]
    while index < len(pieces):
        mark, following = pieces[index], pieces[index + 1]
        closing = {"(": ")", "[": "]"}.get(mark)
        is_pair = closing is not None and index + 2 < len(pieces) and pieces[index + 2] == closing
        if is_pair and not _NO_FORMULA.fullmatch(following.strip()[:200]):
            dollars = "$" if mark == "(" else "$$"
            texts += [dollars, following.strip(), dollars, pieces[index + 3]]
            index += 4
        else:
            texts += [f"\\{mark}", following]
            index += 2
    return "".join(texts)
