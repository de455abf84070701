"""Convert AsciiDoc to Markdown line by line; unknown markup is unchanged, and no other files are read."""

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
    """Yield the text, with the title and the authors of its header as fields.

    Raises:
        RecordError: the bytes are no text, or the text is blank.
    """
    file = read_text(path, options)
    yield from file.remarks()
    front_fields, body = front_matter.split(file.text.replace("\f", "\n"))
    writer = _Writer(body.split("\n"))
    text = writer.converted()
    if not text:
        raise RecordError("no text")
    fields = front_matter.fields({**writer.declared(), **front_fields})
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
    """Converts the lines of a file to Markdown; `includes` is the number of includes that were left out."""

    def __init__(self, lines: list[str]) -> None:
        self.includes = 0
        self._lines = lines
        self._attributes: dict[str, str] = {}
        self._author = ""
        self._out: list[str] = []
        self._style: list[str] = []
        # Attributions of quotation blocks, by the index of the line that ends the block.
        self._attributions: dict[int, str] = {}
        # Mark of the open list, and nesting level of its last item.
        self._list_mark = ""
        self._list_level = 0
        # Indices of the lines that may be delimiters, so that the end of a block is found without a search.
        self._delimiter_lines: dict[str, list[int]] = {}
        for index, line in enumerate(lines):
            if _DELIMITER.match(line):
                self._delimiter_lines.setdefault(line.rstrip(), []).append(index)

    def declared(self) -> dict[str, Any]:
        """Return the fields that the header declares, under the names of front matter."""
        fields = {name: self._attributes[key] for key, name in _KEPT_ATTRIBUTES.items() if self._attributes.get(key)}
        return {**fields, **({"author": self._author} if self._author else {})}

    def converted(self) -> str:
        index = self._header()
        while index < len(self._lines):
            index = self._line(index)
        text = "\n".join(self._out)
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    def _header(self) -> int:
        """Read the title, authors and revision of the header, and return the index of the line after them."""
        index = 0
        while index < len(self._lines) and (not self._lines[index].strip() or self._is_comment(self._lines[index])):
            index += 1
        if index >= len(self._lines) or not re.match(r"[=#] +\S", self._lines[index]):
            return index
        title = self._inline(self._lines[index][1:].strip())
        self._attributes["doctitle"] = title
        self._out += [f"# {title}", ""]
        index += 1
        if index < len(self._lines) and _AUTHOR_LINE.match(self._lines[index]) and self._is_header(index + 1):
            names = re.sub(r" ?<[^<>]*>", "", self._lines[index])
            self._author = "; ".join(name.strip() for name in names.split(";") if name.strip())
            index += 1
            revision = _REVISION_LINE.match(self._lines[index]) if index < len(self._lines) else None
            if revision and self._lines[index].strip():
                self._attributes.setdefault("revdate", revision.group(1) or "")
                index += 1
        return index

    def _is_header(self, index: int) -> bool:
        """Return whether the line before `index` names authors, judged by that line and the line at `index`."""
        line = self._lines[index] if index < len(self._lines) else ""
        has_mail = "<" in self._lines[index - 1]
        is_short = len(self._lines[index - 1].split()) in (2, 3)
        return has_mail or (
            is_short and (not line.strip() or bool(_ATTRIBUTE.match(line) or _REVISION_LINE.match(line)))
        )

    @staticmethod
    def _is_comment(line: str) -> bool:
        return line.startswith("//") and not line.startswith("///")

    def _line(self, index: int) -> int:
        """Write a line or a block, and return the index of the line after it."""
        line = self._lines[index].rstrip()
        if self._is_comment(line):
            return index + 1
        attribute = _ATTRIBUTE.match(line)
        if attribute:
            self._attributes[attribute.group(1).lower().strip("!")] = (attribute.group(2) or "").strip()
            return index + 1
        heading = _HEADING.match(line)
        if heading:
            self._list_mark = ""
            self._out += ["", f"{'#' * len(heading.group(1))} {self._inline(heading.group(2))}", ""]
            self._style = []
            return index + 1
        following = self._lines[index + 1].rstrip() if index + 1 < len(self._lines) else ""
        if self._is_underlined(line, following):
            self._out += ["", f"{'#' * _UNDERLINES[following[0]]} {self._inline(line)}", ""]
            return index + 2
        if _DELIMITER.match(line):
            return self._block(index, line)
        if line[:1] == "[" and _BLOCK_ATTRIBUTES.match(line):
            self._style = _attributes(line.strip("[] \t")) if line[1:2] != "[" else self._style
            return index + 1
        macro = _BLOCK_MACRO.match(line)
        if macro:
            self.includes += macro.group(1) == "include"
            return index + 1
        return self._text(index, line)

    def _is_underlined(self, line: str, following: str) -> bool:
        is_rule = len(following) > 2 and following[0] in _UNDERLINES and following == following[0] * len(following)
        return is_rule and abs(len(line) - len(following)) <= 1 and line[:1].isalnum() and not self._style

    def _text(self, index: int, line: str) -> int:
        kind = self._kind()
        if kind in ("source", "listing", "literal", "stem", "latexmath", "asciimath") and line.strip():
            end = index
            while end < len(self._lines) and self._lines[end].strip():
                end += 1
            self._code(self._lines[index:end], kind)
            return end
        if kind in ("quote", "verse") and line.strip() and (attribution := self._attribution()):
            end = index
            while end < len(self._lines) and self._lines[end].strip():
                end += 1
            self._out += ["", *(self._inline(line) for line in self._lines[index:end]), "", attribution, ""]
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
        return index + 1

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
        """Return the indent of an item; a list with another mark is nested in the item of the outermost list."""
        level = len(mark) - 1
        if not self._list_mark or mark[0] == self._list_mark:
            self._list_mark, self._list_level = mark[0], level
            return "  " * level
        if self._list_level:
            return "  " * level
        return (" " * 3 if self._list_mark == "." else "  ") + "  " * level

    def _attribution(self) -> str:
        """Return the attribution in a style such as `[quote, Jane Doe, A book]`; empty if there is none."""
        if self._kind() not in ("quote", "verse"):
            return ""
        source = ", ".join(part.strip('"') for part in self._style[1:3] if part and "=" not in part)
        return f"— {self._inline(source)}" if source else ""

    # Blocks

    def _kind(self) -> str:
        kind = re.split(r"[%#.]", self._style[0])[0].lower() if self._style else ""
        return "source" if not kind and len(self._style) > 1 and self._style[1] and "=" not in self._style[1] else kind

    def _block(self, index: int, line: str) -> int:
        mark = "```" if line.startswith("```") else line
        end = self._end(index, mark)
        if index in self._attributions:
            self._out += ["", self._attributions.pop(index), ""]
            return index + 1
        if mark[0] in "=*_" or mark == "--":
            if end >= 0 and (attribution := self._attribution()):
                self._attributions[end] = attribution
            if mark == "--" and self._kind() in ("source", "listing", "stem") and end > 0:
                self._code(self._lines[index + 1 : end], self._kind())
                return end + 1
            label = self._kind().upper()
            if label in ("NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"):
                self._out += ["", f"**{label.capitalize()}.**", ""]
            else:
                self._out.append("")
            self._style = []
            return index + 1
        if end < 0:
            self._out.append(line)
            return index + 1
        inner = self._lines[index + 1 : end]
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

    def _end(self, index: int, mark: str) -> int:
        """Return the index of the next line with the same delimiter; -1 if there is none."""
        delimiter_lines = self._delimiter_lines.get(mark, [])
        next_delimiter = bisect_right(delimiter_lines, index)
        return delimiter_lines[next_delimiter] if next_delimiter < len(delimiter_lines) else -1

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
        for index in range(0, len(parts), 2):
            parts[index] = self._words(parts[index])
        return "".join(parts)

    def _words(self, text: str) -> str:
        if ":[" in text and "]" in text:
            text = _MATH.sub(
                lambda match: f"${_without_dollars(next(group for group in match.groups() if group is not None))}$",
                text,
            )
        pieces = re.split(r"(\$[^$\n]+\$)", text)
        for index in range(0, len(pieces), 2):
            piece = _REFERENCE.sub(self._attribute, pieces[index])
            piece = _FOOTNOTE.sub(r" (\1)", _PICTURE.sub("", piece))
            piece = _LINK.sub(lambda match: match.group(2).split(",")[0].strip('"^') or match.group(1), piece)
            piece = _CROSS_REFERENCE.sub(
                lambda match: match.group(2) or match.group(1).replace("_", " ").strip(), piece
            )
            piece = _INDEX_HIDDEN.sub("", piece)
            piece = _INDEX_SHOWN.sub(r"\1", _ANCHOR.sub("", piece))
            piece = _MARKED.sub(r"\1", _BUTTON.sub(r"\1", piece))
            piece = _SUPERSCRIPT.sub(r"^{\1}", piece)
            pieces[index] = _SUBSCRIPT.sub(r"_{\1}", piece)
        return "".join(pieces)

    def _attribute(self, match: re.Match[str]) -> str:
        name = match.group(1).lower()
        if name in _SYMBOLS:
            return _SYMBOLS[name]
        value = self._attributes.get(name, "")
        return value if value and len(value) < 200 and "{" not in value else match.group(0)


# Three alternatives: a formula between dollar signs, as pandoc writes it; one with pairs of brackets; one with escaped
# brackets.
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


def _without_dollars(formula: str) -> str:
    formula = formula.replace("\\]", "]").strip()
    return formula[1:-1].strip() if len(formula) > 2 and formula[0] == formula[-1] == "$" else formula


def _column_count(options: str) -> int:
    columns = re.search(r"cols=\"?([^\"]*)\"?", options)
    if not columns:
        return 0
    count = 0
    for part in re.split(r"[,;]", columns.group(1).strip('" ')):
        repeat = re.match(r"\s*(\d{1,2})\*", part)
        if "=" in part:
            break
        count += int(repeat.group(1)) if repeat else 1
    return count


def _attributes(line: str) -> list[str]:
    """Split the attributes of a block; an attribute in quotation marks may contain commas."""
    try:
        return [part.strip() for row in csv.reader([line], skipinitialspace=True) for part in row] or [""]
    except csv.Error:
        return [part.strip() for part in line.split(",")]


def _separated(lines: list[str], separator: str) -> list[list[str]]:
    """Split lines into rows of cells at a separator, with quotation marks as in CSV."""
    try:
        rows = list(csv.reader([f"{line}\n" for line in lines], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        rows = [line.split(separator) for line in lines]
    return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


_CELL_SPAN = re.compile(r"(\d{1,2})?(?:\.(\d{1,3}))?([+*])")
_MOST_COPIES = 30


def _rows(lines: list[str], mark: str, columns: int) -> list[list[Cell]]:
    """Divide the lines of a table into rows of cells.

    Args:
        lines: lines of the table.
        mark: character before each cell.
        columns: number of columns; if it is 0, the number of cells in the first line.
    """
    # Text, columns, rows and copies of each cell.
    cells: list[tuple[str, int, int, int]] = []
    for line in lines:
        if mark == "!":
            line = line.replace("!", "|")
        if not line.strip():
            columns = columns or _width(cells)
            continue
        pieces = _cells_of(line)
        continuation = pieces[0][1].strip()
        if continuation and cells:
            cells[-1] = (f"{cells[-1][0]} {continuation}".strip(), *cells[-1][1:])
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
    return _in_rows([Cell(*cell[:3]) for cell in cells for _ in range(cell[3])], columns or 1)


def _width(cells: list[tuple[str, int, int, int]]) -> int:
    return sum(across * copies for _, across, _, copies in cells)


def _cells_of(line: str) -> list[tuple[str, str]]:
    """Split a line into the text before its first cell, with an empty specification, and its cells with theirs."""
    pieces: list[tuple[str, str]] = []
    position, spec = 0, ""
    for cell_mark in _CELL.finditer(line):
        pieces.append((spec, line[position : cell_mark.start()].replace("\\|", "|")))
        spec, position = cell_mark.group(1), cell_mark.end()
    return [*pieces, (spec, line[position:].replace("\\|", "|"))]


def _in_rows(cells: list[Cell], columns: int) -> list[list[Cell]]:
    """Divide cells into rows of `columns` columns, less the columns that are spanned by cells of rows above."""
    rows: list[list[Cell]] = [[]]
    spanned_columns: dict[int, int] = {}
    free_columns = columns
    for cell in cells:
        if free_columns <= 0:
            rows.append([])
            free_columns = columns - spanned_columns.get(len(rows) - 1, 0)
        rows[-1].append(cell)
        free_columns -= max(1, cell.columns)
        for below in range(1, min(cell.rows, len(cells))):
            spanned_columns[len(rows) - 1 + below] = spanned_columns.get(len(rows) - 1 + below, 0) + max(
                1, cell.columns
            )
    return rows
