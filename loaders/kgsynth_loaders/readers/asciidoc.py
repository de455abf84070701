"""AsciiDoc as Markdown, line by line; what is not known stays as it is written. No other file is read."""

import csv
import re
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Remark
from kgsynth_loaders import front_matter
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.markdown import Cell, fenced, first_heading, spread, table
from kgsynth_loaders.readers.plain import read_text


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """The text with the title and the authors of its header as fields.

    Raises:
        RecordError: the bytes are no text, or there is no text.
    """
    file = read_text(path, options)
    yield from file.remarks()
    said, body = front_matter.split(file.text.replace("\f", "\n"))
    writer = _Writer(body.split("\n"))
    text = writer.written()
    if not text:
        raise RecordError("no text")
    fields = front_matter.fields({**writer.said(), **said})
    metadata = {**fields.pop("metadata"), **file.metadata()}
    if writer.includes:
        metadata["inputs"] = str(writer.includes)
    title = fields.pop("title", "") or first_heading(text)
    yield Document(id="", text=text, title=title, metadata=metadata, **fields)


_ATTRIBUTE = re.compile(r":(!?[\w-]+!?):(?:[ \t]+(.*))?\Z")
_AUTHOR_LINE = re.compile(r"[^\W\d_][\w.'-]*(?: [\w.'-]+){0,3}(?: <[^<>\n]*>)?(?:; [^;\n]+)*\Z")
_REVISION_LINE = re.compile(r"(?:v[\d.]+,? ?)?(\d{4}-\d{2}-\d{2}|\w+ \d{1,2}, \d{4})?(?::.*)?\Z")
_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)\Z")
_DELIMITER = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|[|,:!]={3,}|`{3,}[^`]*)[ \t]*\Z")
_BLOCK_ATTRIBUTES = re.compile(r"\[(?:\[[^\]]*\]|[^\[\]]*)\][ \t]*\Z")
_BLOCK_TITLE = re.compile(r"\.([^\s.].*)\Z")
_ADMONITION = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+(.*)\Z")
_LIST_ITEM = re.compile(r"[ \t]*(\*{1,6}|-|\.{1,5}|\d+\.|[a-z]\.|<[\d.]+>)[ \t]+(\S.*)\Z")
_TERM = re.compile(r"[ \t]*(\S.{0,200}?)(?:::+|;;)(?:[ \t]+(.*))?\Z")
_BLOCK_MACRO = re.compile(r"(image|video|audio|toc|include|ifdef|ifndef|ifeval|endif)::?([^\[\s]*)\[(.*)\]\s*\Z")
_UNDERLINES = {"=": 1, "-": 2, "~": 3, "^": 4, "+": 5}
_KEPT_ATTRIBUTES = {
    "author": "author", "authors": "author", "revdate": "date", "date": "date", "keywords": "keywords",
    "license": "license", "copyright": "copyright", "description": "description", "title": "title",
    "doctitle": "title", "lang": "lang", "url": "url", "tags": "tags",
}  # fmt: skip
_SYMBOLS = {
    "nbsp": " ", "sp": " ", "empty": "", "zwsp": "", "amp": "&", "lt": "<", "gt": ">", "plus": "+", "vbar": "|",
    "asterisk": "*", "backtick": "`", "tilde": "~", "caret": "^", "startsb": "[", "endsb": "]", "two-colons": "::",
    "deg": "°", "ndash": "–", "mdash": "—", "ldquo": "“", "rdquo": "”", "lsquo": "‘", "rsquo": "’", "apos": "'",
    "quot": '"', "blank": "",
}  # fmt: skip


class _Writer:
    """Markdown of the lines of one file."""

    def __init__(self, lines: list[str]) -> None:
        self.includes = 0
        self._lines = lines
        self._attributes: dict[str, str] = {}
        self._author = ""
        self._out: list[str] = []
        self._style: list[str] = []
        # Who said what stands in a block, by the line that ends it.
        self._said_by: dict[int, str] = {}
        # The mark of the list that is open, and how deep its last item stands.
        self._list_mark = ""
        self._list_level = 0
        # Where each line that may be a delimiter stands, so that the end of a block is found at once.
        self._places: dict[str, list[int]] = {}
        for place, line in enumerate(lines):
            if _DELIMITER.match(line):
                self._places.setdefault(line.rstrip(), []).append(place)

    def said(self) -> dict[str, Any]:
        """What the header gives, by names of front matter."""
        given = {name: self._attributes[key] for key, name in _KEPT_ATTRIBUTES.items() if self._attributes.get(key)}
        return {**given, **({"author": self._author} if self._author else {})}

    def written(self) -> str:
        place = self._header()
        while place < len(self._lines):
            place = self._line(place)
        text = "\n".join(self._out)
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    def _header(self) -> int:
        """Title, authors, revision and attributes; the line after them."""
        place = 0
        while place < len(self._lines) and (not self._lines[place].strip() or self._is_comment(self._lines[place])):
            place += 1
        if place >= len(self._lines) or not re.match(r"[=#] +\S", self._lines[place]):
            return place
        title = self._inline(self._lines[place][1:].strip())
        self._attributes["doctitle"] = title
        self._out += [f"# {title}", ""]
        place += 1
        if place < len(self._lines) and _AUTHOR_LINE.match(self._lines[place]) and self._is_header(place + 1):
            names = re.sub(r" ?<[^<>]*>", "", self._lines[place])
            self._author = "; ".join(name.strip() for name in names.split(";") if name.strip())
            place += 1
            revision = _REVISION_LINE.match(self._lines[place]) if place < len(self._lines) else None
            if revision and self._lines[place].strip():
                self._attributes.setdefault("revdate", revision.group(1) or "")
                place += 1
        return place

    def _is_header(self, place: int) -> bool:
        """Whether what follows a line that may hold authors shows that it does."""
        line = self._lines[place] if place < len(self._lines) else ""
        has_mail = "<" in self._lines[place - 1]
        is_short = len(self._lines[place - 1].split()) in (2, 3)
        return has_mail or (
            is_short and (not line.strip() or bool(_ATTRIBUTE.match(line) or _REVISION_LINE.match(line)))
        )

    @staticmethod
    def _is_comment(line: str) -> bool:
        return line.startswith("//") and not line.startswith("///")

    def _line(self, place: int) -> int:
        """Write one line or block; the line after it."""
        line = self._lines[place].rstrip()
        if self._is_comment(line):
            return place + 1
        attribute = _ATTRIBUTE.match(line)
        if attribute:
            self._attributes[attribute.group(1).lower().strip("!")] = (attribute.group(2) or "").strip()
            return place + 1
        heading = _HEADING.match(line)
        if heading:
            self._list_mark = ""
            self._out += ["", f"{'#' * len(heading.group(1))} {self._inline(heading.group(2))}", ""]
            self._style = []
            return place + 1
        following = self._lines[place + 1].rstrip() if place + 1 < len(self._lines) else ""
        if self._is_underlined(line, following):
            self._out += ["", f"{'#' * _UNDERLINES[following[0]]} {self._inline(line)}", ""]
            return place + 2
        if _DELIMITER.match(line):
            return self._block(place, line)
        if line[:1] == "[" and _BLOCK_ATTRIBUTES.match(line):
            self._style = _attributes(line.strip("[] \t")) if line[1:2] != "[" else self._style
            return place + 1
        macro = _BLOCK_MACRO.match(line)
        if macro:
            self.includes += macro.group(1) == "include"
            return place + 1
        return self._text(place, line)

    def _is_underlined(self, line: str, following: str) -> bool:
        is_rule = len(following) > 2 and following[0] in _UNDERLINES and following == following[0] * len(following)
        return is_rule and abs(len(line) - len(following)) <= 1 and line[:1].isalnum() and not self._style

    def _text(self, place: int, line: str) -> int:
        kind = self._kind()
        if kind in ("source", "listing", "literal", "stem", "latexmath", "asciimath") and line.strip():
            end = place
            while end < len(self._lines) and self._lines[end].strip():
                end += 1
            self._code(self._lines[place:end], kind)
            return end
        if kind in ("quote", "verse") and line.strip() and (said_by := self._attribution()):
            end = place
            while end < len(self._lines) and self._lines[end].strip():
                end += 1
            self._out += ["", *(self._inline(one) for one in self._lines[place:end]), "", said_by, ""]
            self._style = []
            return end
        title = _BLOCK_TITLE.match(line)
        admonition = _ADMONITION.match(line)
        if title:
            self._out += ["", f"**{self._inline(title.group(1))}**", ""]
        elif admonition:
            self._out += ["", f"**{admonition.group(1).capitalize()}.** {self._inline(admonition.group(2))}"]
        elif line == "+" or line in ("'''", "<<<", "---", "***"):
            self._out.append("")
        else:
            if kind.upper() in ("NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION") and line:
                self._out += ["", f"**{kind.capitalize()}.**"]
            self._out.append(self._list_line(line))
        if line and not title:
            self._style = []
        return place + 1

    def _list_line(self, line: str) -> str:
        item = _LIST_ITEM.match(line)
        if item:
            mark, text = item.group(1), self._inline(item.group(2))
            if mark[0] in "*-.":
                return f"{self._indent(mark)}{'1.' if mark[0] == '.' else '-'} {text}"
            return f"{mark.strip('<>').rstrip('.') or '1'}. {text}"
        if line and self._out and not self._out[-1].strip():
            self._list_mark = ""
        term = _TERM.match(line) if "::" in line or ";;" in line else None
        if term and "`" not in term.group(1) and "http" not in term.group(1):
            return f"**{self._inline(term.group(1))}**" + (f": {self._inline(term.group(2))}" if term.group(2) else "")
        text = line[:-2] if line.endswith(" +") else line
        return self._inline(text)

    def _indent(self, mark: str) -> str:
        """What stands before an item; a list of another kind stands within the item of the outermost list."""
        level = len(mark) - 1
        if not self._list_mark or mark[0] == self._list_mark:
            self._list_mark, self._list_level = mark[0], level
            return "  " * level
        if self._list_level:
            return "  " * level
        return (" " * 3 if self._list_mark == "." else "  ") + "  " * level

    def _attribution(self) -> str:
        """Who said a quotation, as its style gives it: `[quote, Jane Doe, A book]`."""
        if self._kind() not in ("quote", "verse"):
            return ""
        said = ", ".join(part.strip('"') for part in self._style[1:3] if part and "=" not in part)
        return f"— {self._inline(said)}" if said else ""

    # Blocks

    def _kind(self) -> str:
        kind = re.split(r"[%#.]", self._style[0])[0].lower() if self._style else ""
        return "source" if not kind and len(self._style) > 1 and self._style[1] and "=" not in self._style[1] else kind

    def _block(self, place: int, line: str) -> int:
        mark = "```" if line.startswith("```") else line
        end = self._end(place, mark)
        if place in self._said_by:
            self._out += ["", self._said_by.pop(place), ""]
            return place + 1
        if mark[0] in "=*_" or mark == "--":
            if end >= 0 and (said_by := self._attribution()):
                self._said_by[end] = said_by
            if mark == "--" and self._kind() in ("source", "listing", "stem") and end > 0:
                self._code(self._lines[place + 1 : end], self._kind())
                return end + 1
            label = self._kind().upper()
            if label in ("NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"):
                self._out += ["", f"**{label.capitalize()}.**", ""]
            else:
                self._out.append("")
            self._style = []
            return place + 1
        if end < 0:
            self._out.append(line)
            return place + 1
        inner = self._lines[place + 1 : end]
        if mark[0] == "/":
            return end + 1
        if mark[0] in "|,:!":
            self._table(inner, mark[0])
        elif mark[0] == "`":
            self._style = ["source", line.strip("`").strip()]
            self._code(inner, "source")
        else:
            self._code(inner, self._kind() if mark[0] != "+" or self._kind() else "pass")
        return end + 1

    def _end(self, place: int, mark: str) -> int:
        """The line of the next equal delimiter; -1 for none."""
        places = self._places.get(mark, [])
        index = bisect_right(places, place)
        return places[index] if index < len(places) else -1

    def _code(self, lines: list[str], kind: str) -> None:
        content = "\n".join(lines).strip("\n").rstrip()
        language = next((part for part in self._style[1:] if part and "=" not in part), "")
        style, self._style = kind, []
        if not content.strip():
            return
        if style in ("stem", "latexmath", "asciimath"):
            content = re.sub(r"\A\\\[|\\\]\Z|\A\$\$|\$\$\Z", "", content.strip()).strip()
            self._out += ["", f"$$\n{content}\n$$" if "\n" in content else f"$${content}$$", ""]
        elif style == "pass":
            self._out += ["", re.sub(r"</?[A-Za-z][^<>]*>", "", content), ""]
        elif style in ("verse", "quote"):
            self._out += ["", self._inline(content), ""]
        else:
            lines = [_CALLOUT.sub("", line).rstrip() if line.endswith(">") else line for line in content.split("\n")]
            content = "\n".join(lines)
            self._out += ["", fenced(content, language.lower()), ""]

    def _table(self, lines: list[str], mark: str) -> None:
        options = ",".join(self._style)
        self._style = []
        columns = _column_count(options)
        if mark in ",:" or "format" in options:
            separator = ":" if mark == ":" else "\t" if "tsv" in options else ","
            rows = _separated(lines, separator)
        else:
            rows = spread(_rows(lines, "!" if mark == "!" else "|", columns))
        shown = table([[self._inline(cell) for cell in row] for row in rows])
        self._out += ["", *(shown.split("\n") if shown else []), ""]

    # Inline

    def _inline(self, text: str) -> str:
        if not any(char in text for char in ":{[<^~(&"):
            return text
        parts = re.split(r"(`[^`\n]+`)", text)
        for place in range(0, len(parts), 2):
            parts[place] = self._words(parts[place])
        return "".join(parts)

    def _words(self, text: str) -> str:
        if ":[" in text and "]" in text:
            text = _MATH.sub(lambda found: f"${_bare(next(one for one in found.groups() if one is not None))}$", text)
        pieces = re.split(r"(\$[^$\n]+\$)", text)
        for place in range(0, len(pieces), 2):
            piece = _REFERENCE.sub(self._attribute, pieces[place])
            piece = _FOOTNOTE.sub(r" (\1)", _PICTURE.sub("", piece))
            piece = _LINK.sub(lambda found: found.group(2).split(",")[0].strip('"^') or found.group(1), piece)
            piece = _CROSS_REFERENCE.sub(
                lambda found: found.group(2) or found.group(1).replace("_", " ").strip(), piece
            )
            piece = _INDEX_HIDDEN.sub("", piece)
            piece = _INDEX_SHOWN.sub(r"\1", _ANCHOR.sub("", piece))
            piece = _MARKED.sub(r"\1", _BUTTON.sub(r"\1", piece))
            piece = _SUPERSCRIPT.sub(r"^{\1}", piece)
            pieces[place] = _SUBSCRIPT.sub(r"_{\1}", piece)
        return "".join(pieces)

    def _attribute(self, found: re.Match[str]) -> str:
        name = found.group(1).lower()
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        value = self._attributes.get(name, "")
        return value if value and len(value) < 200 and "{" not in value else found.group(0)


# A formula may end with a dollar sign, as pandoc writes it, may hold pairs of brackets, or escapes its brackets.
_MATH = re.compile(
    r"(?:stem|latexmath|asciimath):(?:\[\$([^$\n]{0,1000})\$\]|\[((?:[^\[\]\\\n]|\\.|\[[^\[\]\n]{0,200}\]){0,1000})\]"
    r"|\[((?:[^\]\\\n]|\\.){0,1000})\])"
)
_CALLOUT = re.compile(
    r"(?:(?<=\s)|\A)(?:(?://|#|--|;;|%)?[ \t]*(?:<(?:\d{1,3}|\.)>[ \t]*)+|<!--(?:\d{1,3}|\.)-->[ \t]*)\Z"
)
_REFERENCE = re.compile(r"\{([A-Za-z][\w-]{0,40})\}")
_FOOTNOTE = re.compile(r"footnote(?:ref)?:[\w-]{0,50}\[([^\[\]\n]{1,1000})\]")
_PICTURE = re.compile(r"(?<![\w:])(?:image|icon):(?!:)[^\s\[\]]{1,300}\[[^\[\]\n]{0,300}\]")
_LINK = re.compile(r"(?:link:|xref:|mailto:|(?=https?://))((?:https?://)?[^\s\[\]<>]{1,1000})\[([^\[\]\n]{0,500})\]")
_CROSS_REFERENCE = re.compile(r"<<([^<>,\n]{1,200})(?:,[ \t]*([^<>\n]{1,300}))?>>")
_INDEX_HIDDEN = re.compile(r"\(\(\([^()\n]{1,200}\)\)\)|(?:indexterm:\[[^\[\]\n]{0,200}\])")
_INDEX_SHOWN = re.compile(r"(?<!\()\(\(([^()\n]{1,200})\)\)(?!\))")
_ANCHOR = re.compile(r"\[\[[^\[\]\n,]{1,100}(?:,[^\[\]\n]{1,200})?\]\]|anchor:[\w-]{1,100}\[[^\[\]\n]{0,100}\]")
_MARKED = re.compile(r"\[[.#%][\w.#% -]{1,100}\]#{1,2}([^#\n]{1,500})#{1,2}")
_BUTTON = re.compile(r"(?:kbd|btn|pass|menu:[^\s\[\]]{1,60}):?[acmnpqrv,]{0,10}:?\[([^\[\]\n]{0,300})\]")
_SUPERSCRIPT = re.compile(r"\^([^\s^]{1,60})\^")
_SUBSCRIPT = re.compile(r"(?<!~)~([^\s~]{1,60})~(?!~)")
_CELL = re.compile(r"(?:^|(?<=\s))((?:\d+(?:\.\d+)?\+|\.\d+\+|\d+\*)?[<^>.]{0,3}[adehlmsv]?)(?<!\\)\|")


def _bare(formula: str) -> str:
    formula = formula.replace("\\]", "]").strip()
    return formula[1:-1].strip() if len(formula) > 2 and formula[0] == formula[-1] == "$" else formula


def _column_count(options: str) -> int:
    found = re.search(r"cols=\"?([^\"]*)\"?", options)
    if not found:
        return 0
    count = 0
    for part in re.split(r"[,;]", found.group(1).strip('" ')):
        times = re.match(r"\s*(\d{1,2})\*", part)
        if "=" in part:
            break
        count += int(times.group(1)) if times else 1
    return count


def _attributes(line: str) -> list[str]:
    """The attributes of a block, of which one in quotation marks may hold a comma."""
    try:
        return [part.strip() for row in csv.reader([line], skipinitialspace=True) for part in row] or [""]
    except csv.Error:
        return [part.strip() for part in line.split(",")]


def _separated(lines: list[str], separator: str) -> list[list[str]]:
    """Rows whose cells stand between separators, with quotation marks as in CSV."""
    try:
        rows = list(csv.reader([f"{line}\n" for line in lines], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        rows = [line.split(separator) for line in lines]
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


_CELL_SPAN = re.compile(r"(\d{1,2})?(?:\.(\d{1,3}))?([+*])")
_MOST_COPIES = 30


def _rows(lines: list[str], mark: str, columns: int) -> list[list[Cell]]:
    """Rows of a table: a row is a line where the first line holds several cells, else as many cells as columns."""
    # Text, columns, rows and copies of each cell.
    cells: list[tuple[str, int, int, int]] = []
    for line in lines:
        if mark == "!":
            line = line.replace("!", "|")
        if not line.strip():
            columns = columns or _width(cells)
            continue
        pieces = _cells_of(line)
        before = pieces[0][1].strip()
        if before and cells:
            cells[-1] = (f"{cells[-1][0]} {before}".strip(), *cells[-1][1:])
        for spec, text in pieces[1:]:
            span = _CELL_SPAN.match(spec)
            across = int(span.group(1) or 1) if span else 1
            down = int(span.group(2) or 1) if span else 1
            is_copied = bool(span and span.group(3) == "*")
            cells.append(
                (text.strip(), 1, 1, min(across, _MOST_COPIES)) if is_copied else (text.strip(), across, down, 1)
            )
        if not columns and len(pieces) > 1 and len(cells) > 1:
            columns = _width(cells)
    return _in_rows([Cell(*one[:3]) for one in cells for _ in range(one[3])], columns or 1)


def _width(cells: list[tuple[str, int, int, int]]) -> int:
    return sum(across * copies for _, across, _, copies in cells)


def _cells_of(line: str) -> list[tuple[str, str]]:
    """What stands before the first cell of a line, with an empty specification, and each cell with its own."""
    pieces: list[tuple[str, str]] = []
    place, spec = 0, ""
    for found in _CELL.finditer(line):
        pieces.append((spec, line[place : found.start()].replace("\\|", "|")))
        spec, place = found.group(1), found.end()
    return [*pieces, (spec, line[place:].replace("\\|", "|"))]


def _in_rows(cells: list[Cell], columns: int) -> list[list[Cell]]:
    """Cells in rows of so many columns, less those that cells of rows above take."""
    rows: list[list[Cell]] = [[]]
    taken: dict[int, int] = {}
    free = columns
    for cell in cells:
        if free <= 0:
            rows.append([])
            free = columns - taken.get(len(rows) - 1, 0)
        rows[-1].append(cell)
        free -= max(1, cell.columns)
        for below in range(1, min(cell.rows, len(cells))):
            taken[len(rows) - 1 + below] = taken.get(len(rows) - 1 + below, 0) + max(1, cell.columns)
    return rows
