"""Org as Markdown, line by line; what is not known stays as it is written."""

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
    """The text with the keywords at its start as fields.

    Raises:
        RecordError: the bytes are no text, or there is no text.
    """
    file = read_text(path, options)
    yield from file.remarks()
    writer = _Writer(file.text.replace("\f", "\n").split("\n"))
    text = writer.written()
    if not text:
        raise RecordError("no text")
    fields = front_matter.fields(writer.said)
    metadata = {**fields.pop("metadata"), **file.metadata()}
    title = fields.pop("title", "") or first_heading(text)
    yield Document(id="", text=text, title=title, metadata=metadata, **fields)


_KEYWORD = re.compile(r"[ \t]*#\+([A-Za-z_][\w-]*)(?:\[[^\]]*\])?:[ \t]*(.*)\Z")
_SAID = {
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
    """Markdown of the lines of one file, and its keywords by names of front matter."""

    def __init__(self, lines: list[str]) -> None:
        self.said: dict[str, Any] = {}
        self._lines = lines
        self._out: list[str] = []
        self._table: list[list[str]] = []
        self._fixed: list[str] = []
        self._hidden_level = 0
        self._ends: dict[str, list[int]] = {}
        for place, line in enumerate(lines):
            end = _END.match(line)
            stripped = line.strip()
            if end:
                self._ends.setdefault(end.group(1).lower(), []).append(place)
            elif stripped.upper() == ":END:":
                self._ends.setdefault(":end:", []).append(place)
            elif stripped.startswith("\\end{"):
                self._ends.setdefault(stripped[: stripped.find("}") + 1], []).append(place)
            elif stripped.endswith("\\]"):
                self._ends.setdefault("\\]", []).append(place)

    def written(self) -> str:
        place = 0
        while place < len(self._lines):
            line = self._lines[place]
            if not line.lstrip().startswith("|"):
                self._end_table()
            if not (line.lstrip().startswith(": ") or line.strip() == ":"):
                self._end_fixed()
            place = self._line(place, line)
        self._end_table()
        self._end_fixed()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._out)).strip()

    def _end(self, mark: str, place: int) -> int:
        places = self._ends.get(mark, [])
        index = bisect_right(places, place)
        return places[index] if index < len(places) else -1

    def _line(self, place: int, line: str) -> int:
        """Write one line or block; the line after it."""
        stripped = line.strip()
        heading = _HEADING.match(line)
        if heading:
            self._heading(heading)
            return place + 1
        if self._hidden_level:
            return place + 1
        if stripped[:2] == "#+":
            return self._keyword(place, line)
        if stripped == "#" or stripped[:2] == "# ":
            return place + 1
        if stripped[:1] == ":":
            return self._drawer(place, line, stripped)
        if stripped[:1] == "|":
            self._row(line)
            return place + 1
        if stripped[:2] == "\\[" or _LATEX_BEGIN.match(line):
            return self._formula(place, line)
        if not _PLANNING.match(line):
            self._out.append(self._text(line))
        return place + 1

    def _heading(self, found: re.Match[str]) -> None:
        level = len(found.group(1))
        if self._hidden_level and level > self._hidden_level:
            return
        self._hidden_level = 0
        title = _STATE.sub("", found.group(2), count=1) if _STATE.match(found.group(2)) else found.group(2)
        tags = _TAGS.search(title)
        is_left_out = bool(tags and ":noexport:" in tags.group(0))
        title = _TAGS.sub("", _PRIORITY.sub("", title, count=1) if _PRIORITY.match(title) else title)
        if is_left_out or title.startswith("COMMENT ") or title == "COMMENT":
            self._hidden_level = level
            return
        if title.strip():
            self._out += ["", f"{'#' * min(6, level)} {_inline(title.strip())}", ""]

    def _keyword(self, place: int, line: str) -> int:
        begin = _BEGIN.match(line)
        if begin:
            return self._block(place, begin.group(1).lower(), begin.group(2).strip())
        if _END.match(line):
            self._out.append("")
            return place + 1
        found = _KEYWORD.match(line)
        if not found:
            return place + 1
        name, value = found.group(1).lower(), found.group(2).strip()
        if name == "caption" and value:
            self._out += ["", _inline(value), ""]
        elif name in _SAID and value:
            key = _SAID[name]
            if key == "tags":
                value = ", ".join(part for part in re.split(r"[:\s,]+", value) if part)
            known = self.said.get(key)
            self.said[key] = (
                f"{known} {value}" if known and key == "title" else [*_listed(known), value] if known else value
            )
        return place + 1

    def _block(self, place: int, name: str, argument: str) -> int:
        end = self._end(name, place)
        inner = self._lines[place + 1 : end] if end >= 0 else []
        if end >= 0 and name == "comment":
            return end + 1
        if end >= 0 and name in ("src", "example"):
            language = argument.split(" ")[0].lower() if name == "src" and argument[:1] not in ("-", ":") else ""
            # A comma guards lines that would be headings or keywords.
            code = [re.sub(r"\A([ \t]*),(?=[*#,])", r"\1", one) for one in inner]
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
        return place + 1

    def _drawer(self, place: int, line: str, stripped: str) -> int:
        if stripped == ":" or stripped[:2] == ": ":
            self._fixed.append(stripped[2:])
            return place + 1
        drawer = _DRAWER.match(line)
        end = self._end(":end:", place) if drawer else -1
        if drawer and drawer.group(1).upper() in ("PROPERTIES", "LOGBOOK", "CLOCK") and end >= 0:
            return end + 1
        if drawer and (end >= 0 or drawer.group(1).upper() == "END"):
            return place + 1
        self._out.append(self._text(line))
        return place + 1

    def _formula(self, place: int, line: str) -> int:
        found = _LATEX_BEGIN.match(line)
        mark = f"\\end{{{found.group(1)}}}" if found else "\\]"
        end = place if mark in line[2:] else self._end(mark, place)
        if end < 0 or (found and found.group(1).rstrip("*") not in _FORMULA_ENVIRONMENTS):
            self._out.append(self._text(line))
            return place + 1
        content = "\n".join(one.strip() for one in self._lines[place : end + 1] if one.strip())
        start, stop = (found.end() - (len(line) - len(line.lstrip())) if found else 2), content.rfind(mark)
        inner = re.sub(r"\\label\{[^{}]*\}", "", content[start:stop]).strip("\n ")
        environment = _FORMULA_ENVIRONMENTS[found.group(1).rstrip("*")] if found else ""
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
    least = min(indents, default=0)
    return [line[least:] for line in lines]


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
    """The words of one line."""
    return _TOKEN.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if found.group("formula"):
        return f"${found.group('formula').strip()}$"
    if found.group("code"):
        return code_span(found.group("code"))
    if found.group("source"):
        return code_span(found.group("source").strip())
    if found.group("entity"):
        return _entity(found.group("entity")) or found.group(0)
    if found.group("words"):
        return str(found.group("words"))
    if found.group("target"):
        target = found.group("target")
        return "" if _PICTURE.match(target) else re.sub(r"\A(?:\*|#|id:|file:)", "", target)
    if found.group("note"):
        return f"[{found.group('note')}]"
    if found.group("inline"):
        return f" ({found.group('inline').strip()})"
    if found.group("bold"):
        return f"**{found.group('bold')}**"
    if found.group("italic"):
        return f"*{found.group('italic')}*"
    return "" if kind == "out" else found.group(0)


_ENTITIES = {
    "LaTeX": "LaTeX", "TeX": "TeX", "vert": "|", "nbsp": " ", "dots": "…", "hellip": "…", "to": "→", "deg": "°",
    "EUR": "€", "euro": "€", "star": "*", "under": "_", "slash": "/", "plus": "+", "equal": "=", "lt": "<", "gt": ">",
    "ndash": "–", "mdash": "—", "laquo": "«", "raquo": "»", "pm": "±", "shy": "", "amp": "&", "percnt": "%",
}  # fmt: skip


@lru_cache(maxsize=1000)
def _entity(name: str) -> str:
    """The character that Org shows for a name such as `alpha`; empty for a name that is none."""
    from pylatexenc.latex2text import get_default_latex_context_db

    if name in _ENTITIES:
        return _ENTITIES[name]
    spec = get_default_latex_context_db().get_macro_spec(name)
    shown = getattr(spec, "simplify_repl", None)
    if isinstance(shown, str) and len(shown) == 1:
        return shown
    named = html.unescape(f"&{name};")
    return named if len(named) == 1 else ""
