"""Convert Org to Markdown line by line; unknown markup is unchanged."""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Remark
from kgsynth_loaders import front_matter
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.markdown import code_span, fenced, first_heading, table
from kgsynth_loaders.readers.plain import read_text


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield the text, with its keywords as fields.

    Raises:
        RecordError: the bytes are no text, or the text is blank.
    """
    file = read_text(path, options)
    yield from file.remarks()
    writer = _Writer(file.text.replace("\f", "\n").split("\n"))
    text = writer.converted()
    if not text:
        raise RecordError("no text")
    fields = front_matter.fields(writer.declared)
    metadata = {**fields.pop("metadata"), **file.metadata()}
    title = fields.pop("title", "") or first_heading(text)
    yield Document(id="", text=text, title=title, metadata=metadata, **fields)


_KEYWORD = re.compile(r"[ \t]*#\+([A-Za-z_][\w-]*)(?:\[[^\]]*\])?:[ \t]*(.*)\Z")
_FIELD_NAMES = {
    "title": "title", "subtitle": "subtitle", "author": "author", "date": "date", "keywords": "keywords",
    "filetags": "tags", "email": "email", "description": "description", "language": "lang", "license": "license",
    "copyright": "copyright", "category": "category", "hugo_tags": "tags", "roam_tags": "tags",
}  # fmt: skip
_HEADING = re.compile(r"(\*+)[ \t]+(.*)\Z")
_STATE = re.compile(r"(?:TODO|DONE|NEXT|WAITING|CANCELLED|CANCELED|HOLD|STARTED|SOMEDAY)(?:[ \t]+|\Z)")
_PRIORITY = re.compile(r"\[#[A-Z0-9]\][ \t]*")
_TAGS = re.compile(r"(?<![ \t])[ \t]+:[\w@#%:]+:[ \t]*\Z")
_BEGIN = re.compile(r"[ \t]*#\+begin_(\w+)[ \t]*(.*)\Z", re.IGNORECASE)
_END = re.compile(r"[ \t]*#\+end_(\w+)[ \t]*\Z", re.IGNORECASE)
_DRAWER = re.compile(r"[ \t]*:([\w-]+):[ \t]*\Z")
_PLANNING = re.compile(r"[ \t]*(?:SCHEDULED|DEADLINE|CLOSED|CLOCK):[ \t]*[\[<]")
_LATEX_BEGIN = re.compile(r"[ \t]*\\begin\{([\w*]+)\}")
_RULE = re.compile(r"[ \t]*\|[-+|: ]*\|?[ \t]*\Z")
_FORMULA_ENVIRONMENTS = {
    "align": "aligned", "eqnarray": "aligned", "gather": "gathered", "equation": "", "displaymath": "",
    "multline": "gathered", "flalign": "aligned",
}  # fmt: skip
_ITEM = re.compile(r"([ \t]*)([-+]|\d+[.)])[ \t]+(?:\[@\d+\][ \t]*)?(.*)\Z")


class _Writer:
    """Converts the lines of a file to Markdown, and collects its keywords in `declared` under names of front matter."""

    def __init__(self, lines: list[str]) -> None:
        self.declared: dict[str, Any] = {}
        self._lines = lines
        self._out: list[str] = []
        self._table: list[list[str]] = []
        self._fixed: list[str] = []
        self._hidden_level = 0
        # Indices of the lines that end blocks, drawers and formulas, by their mark.
        self._ends: dict[str, list[int]] = {}
        for index, line in enumerate(lines):
            end = _END.match(line)
            stripped = line.strip()
            if end:
                self._ends.setdefault(end.group(1).lower(), []).append(index)
            elif stripped.upper() == ":END:":
                self._ends.setdefault(":end:", []).append(index)
            elif stripped.startswith("\\end{"):
                self._ends.setdefault(stripped[: stripped.find("}") + 1], []).append(index)
            elif stripped.endswith("\\]"):
                self._ends.setdefault("\\]", []).append(index)

    def converted(self) -> str:
        index = 0
        while index < len(self._lines):
            line = self._lines[index]
            if not line.lstrip().startswith("|"):
                self._end_table()
            if not (line.lstrip().startswith(": ") or line.strip() == ":"):
                self._end_fixed()
            index = self._line(index, line)
        self._end_table()
        self._end_fixed()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._out)).strip()

    def _end(self, mark: str, index: int) -> int:
        """Return the index of the next line that ends the element of a mark; -1 if there is none."""
        end_lines = self._ends.get(mark, [])
        next_end = bisect_right(end_lines, index)
        return end_lines[next_end] if next_end < len(end_lines) else -1

    def _line(self, index: int, line: str) -> int:
        """Write a line or a block, and return the index of the line after it."""
        stripped = line.strip()
        heading = _HEADING.match(line)
        if heading:
            self._heading(heading)
            return index + 1
        if self._hidden_level:
            return index + 1
        if stripped[:2] == "#+":
            return self._keyword(index, line)
        if stripped == "#" or stripped[:2] == "# ":
            return index + 1
        if stripped[:1] == ":":
            return self._drawer(index, line, stripped)
        if stripped[:1] == "|":
            self._row(line)
            return index + 1
        if stripped[:2] == "\\[" or _LATEX_BEGIN.match(line):
            return self._formula(index, line)
        if not _PLANNING.match(line):
            self._out.append(self._text(line))
        return index + 1

    def _heading(self, heading: re.Match[str]) -> None:
        level = len(heading.group(1))
        if self._hidden_level and level > self._hidden_level:
            return
        self._hidden_level = 0
        title = _STATE.sub("", heading.group(2), count=1) if _STATE.match(heading.group(2)) else heading.group(2)
        tags = _TAGS.search(title)
        is_left_out = bool(tags and ":noexport:" in tags.group(0))
        title = _TAGS.sub("", _PRIORITY.sub("", title, count=1) if _PRIORITY.match(title) else title)
        if is_left_out or title.startswith("COMMENT ") or title == "COMMENT":
            self._hidden_level = level
            return
        if title.strip():
            self._out += ["", f"{'#' * min(6, level)} {_inline(title.strip())}", ""]

    def _keyword(self, index: int, line: str) -> int:
        begin = _BEGIN.match(line)
        if begin:
            return self._block(index, begin.group(1).lower(), begin.group(2).strip())
        if _END.match(line):
            self._out.append("")
            return index + 1
        keyword = _KEYWORD.match(line)
        if not keyword:
            return index + 1
        name, value = keyword.group(1).lower(), keyword.group(2).strip()
        if name == "caption" and value:
            self._out += ["", _inline(value), ""]
        elif name in _FIELD_NAMES and value:
            key = _FIELD_NAMES[name]
            if key == "tags":
                value = ", ".join(part for part in re.split(r"[:\s,]+", value) if part)
            earlier_value = self.declared.get(key)
            self.declared[key] = (
                f"{earlier_value} {value}"
                if earlier_value and key == "title"
                else [*_listed(earlier_value), value]
                if earlier_value
                else value
            )
        return index + 1

    def _block(self, index: int, name: str, argument: str) -> int:
        end = self._end(name, index)
        inner = self._lines[index + 1 : end] if end >= 0 else []
        if end >= 0 and name == "comment":
            return end + 1
        if end >= 0 and name in ("src", "example"):
            language = argument.split(" ")[0].lower() if name == "src" and argument[:1] not in ("-", ":") else ""
            # Lines of code that look like headings or keywords are escaped by a comma.
            code = [re.sub(r"\A([ \t]*),(?=[*#,])", r"\1", line) for line in inner]
            names = {
                "emacs-lisp": "elisp",
                "jupyter-python": "python",
                "ipython": "python",
                "shell": "bash",
                "sh": "bash",
            }
            content = "\n".join(_dedented(code)).strip("\n").rstrip()
            self._out += ["", fenced(content, names.get(language, language)), ""] if content.strip() else [""]
            return end + 1
        if end >= 0 and name == "export":
            if argument.lower().startswith("latex"):
                self._out += ["", "\n".join(inner), ""]
            elif argument.lower().startswith(("markdown", "md")):
                self._out += ["", *inner, ""]
            return end + 1
        if name not in ("quote", "verse", "center", "src", "example", "comment", "export", "abstract", "justifyleft"):
            self._out += ["", f"**{name.capitalize()}.**"]
        else:
            self._out.append("")
        return index + 1

    def _drawer(self, index: int, line: str, stripped: str) -> int:
        if stripped == ":" or stripped[:2] == ": ":
            self._fixed.append(stripped[2:])
            return index + 1
        drawer = _DRAWER.match(line)
        end = self._end(":end:", index) if drawer else -1
        if drawer and drawer.group(1).upper() in ("PROPERTIES", "LOGBOOK", "CLOCK") and end >= 0:
            return end + 1
        if drawer and (end >= 0 or drawer.group(1).upper() == "END"):
            return index + 1
        self._out.append(self._text(line))
        return index + 1

    def _formula(self, index: int, line: str) -> int:
        begin = _LATEX_BEGIN.match(line)
        mark = f"\\end{{{begin.group(1)}}}" if begin else "\\]"
        end = index if mark in line[2:] else self._end(mark, index)
        if end < 0 or (begin and begin.group(1).rstrip("*") not in _FORMULA_ENVIRONMENTS):
            self._out.append(self._text(line))
            return index + 1
        content = "\n".join(
            formula_line.strip() for formula_line in self._lines[index : end + 1] if formula_line.strip()
        )
        start, stop = (
            (begin.end() - (len(line) - len(line.lstrip())) if begin else 2),
            content.rfind(mark),
        )
        inner = re.sub(r"\\label\{[^{}]*\}", "", content[start:stop]).strip("\n ")
        environment = _FORMULA_ENVIRONMENTS[begin.group(1).rstrip("*")] if begin else ""
        inner = f"\\begin{{{environment}}}\n{inner}\n\\end{{{environment}}}" if environment else inner
        after = content[stop + len(mark) :].strip()
        self._out += ["", f"$$\n{inner}\n$$" if "\n" in inner else f"$${inner}$$", after]
        return end + 1

    def _text(self, line: str) -> str:
        item = _ITEM.match(line)
        if not item:
            return _inline(line)
        text = item.group(3)
        term, separator, meaning = text.partition(" :: ")
        mark = "-" if item.group(2) in "-+" else item.group(2).replace(")", ".")
        shown = f"**{_inline(term)}**: {_inline(meaning)}" if separator else _inline(text)
        return f"{item.group(1)}{mark} {shown}"

    def _row(self, line: str) -> None:
        if _RULE.match(line):
            return
        cells = line.strip().strip("|").split("|")
        if not all(re.fullmatch(r"\s*(?:<[lrc]?\d*>|/)?\s*", cell) for cell in cells):
            self._table.append([_inline(cell.strip()) for cell in cells])

    def _end_table(self) -> None:
        if self._table:
            self._out += ["", *table(self._table).split("\n"), ""]
            self._table = []

    def _end_fixed(self) -> None:
        if self._fixed:
            self._out += ["", fenced("\n".join(self._fixed), "text"), ""]
            self._fixed = []


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _dedented(lines: list[str]) -> list[str]:
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
    min_indent = min(indents, default=0)
    return [line[min_indent:] for line in lines]


_TOKEN = re.compile(
    r"\\\((?P<formula>(?:[^\\\n]|\\(?![()])){1,2000})\\\)|(?P<dollars>\$[^$\n]{1,2000}\$)"
    r"|\[\[(?P<target>[^\[\]\n]{1,1000})\](?:\[(?P<words>[^\[\]\n]{1,1000})\])?\]"
    r"|(?<![\w*/=~+])(?P<mark>[=~])(?P<code>\S|\S[^\n]{0,500}?\S)(?P=mark)(?![\w*/=~+])"
    r"|\[fn:(?P<note>[\w-]{1,50})\]|\[fn:[\w-]{0,50}:(?P<inline>[^\[\]\n]{1,1000})\]"
    r"|(?P<out>@@html:[^@\n]{0,500}@@|<<<?[^<>\n]{1,200}>>>?|\[\d{0,3}[/%]\d{0,3}\]|\[cite[^\[\]\n]{0,20}:[^\[\]\n]{1,300}\])"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]{0,500}[^\s*])?)\*(?![\w*])"
    r"|(?<!\w)src_[\w-]{1,30}(?:\[[^\[\]\n]{0,200}\])?\{(?P<source>[^{}\n]{1,500})\}"
    r"|(?<![\\A-Za-z_:])\\(?P<entity>[A-Za-z]{2,30})(?:\{\}|(?![A-Za-z{\[]))"
    r"|(?<![\w/:])/(?P<italic>[^\s/](?:[^/\n]{0,300}[^\s/])?)/(?![\w/])"
)
_PICTURE = re.compile(
    r"(?:file:|\./|attachment:|https?://)?\S+\.(?:png|jpe?g|gif|svg|pdf|webp|tiff?|bmp)\Z", re.IGNORECASE
)


def _inline(text: str) -> str:
    """Convert the inline markup of a line."""
    return _TOKEN.sub(_shown, text)


def _shown(token: re.Match[str]) -> str:
    kind = token.lastgroup
    if token.group("formula"):
        return f"${token.group('formula').strip()}$"
    if token.group("code"):
        return code_span(token.group("code"))
    if token.group("source"):
        return code_span(token.group("source").strip())
    if token.group("entity"):
        return _entity(token.group("entity")) or token.group(0)
    if token.group("words"):
        return str(token.group("words"))
    if token.group("target"):
        target = token.group("target")
        return "" if _PICTURE.match(target) else re.sub(r"\A(?:\*|#|id:|file:)", "", target)
    if token.group("note"):
        return f"[{token.group('note')}]"
    if token.group("inline"):
        return f" ({token.group('inline').strip()})"
    if token.group("bold"):
        return f"**{token.group('bold')}**"
    if token.group("italic"):
        return f"*{token.group('italic')}*"
    return "" if kind == "out" else token.group(0)


_ENTITIES = {
    "LaTeX": "LaTeX", "TeX": "TeX", "vert": "|", "nbsp": " ", "dots": "…", "hellip": "…", "to": "→", "deg": "°",
    "EUR": "€", "euro": "€", "star": "*", "under": "_", "slash": "/", "plus": "+", "equal": "=", "lt": "<", "gt": ">",
    "ndash": "–", "mdash": "—", "laquo": "«", "raquo": "»", "pm": "±", "shy": "", "amp": "&", "percnt": "%",
}  # fmt: skip


@lru_cache(maxsize=1000)
def _entity(name: str) -> str:
    """Return the character that Org shows for an entity such as `alpha`; empty if the name is not an entity."""
    from pylatexenc.latex2text import get_default_latex_context_db

    if name in _ENTITIES:
        return _ENTITIES[name]
    spec = get_default_latex_context_db().get_macro_spec(name)
    shown = getattr(spec, "simplify_repl", None)
    if isinstance(shown, str) and len(shown) == 1:
        return shown
    character = html.unescape(f"&{name};")
    return character if len(character) == 1 else ""
