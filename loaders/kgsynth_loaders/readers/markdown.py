"""Markdown in its dialects: CommonMark, GitHub, Pandoc, Quarto, R Markdown, MyST, MDX and what site makers add.

The text stays as it is; what is no text goes out (comments, attributes, imports, tags), and HTML becomes Markdown.
Nothing inside code or formulas is touched. Every step takes time linear in the length of the text.
"""

import html
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders import front_matter
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.mathml import tex_of
from kgsynth_loaders.readers.plain import read_text

_DEEPEST = 5
_LONGEST_MARK_LINE = 300


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """The text after its front matter, which fills the fields.

    Raises:
        RecordError: the bytes are no text, or there is no text after the front matter.
    """
    file = read_text(path, options)
    yield from file.remarks()
    meta, body = front_matter.split(file.text.replace("\f", "\n"))
    if "front_matter" in meta and len(meta) == 1:
        yield Remark(position=Position(source=""), text=f"front matter is {meta['front_matter']}")
    text = clean(body, is_mdx=path.suffix.lower() == ".mdx")
    if not text:
        raise RecordError("no text")
    document = with_fields(Document(id="", text=text), meta)
    title = without_marks(document.title) or first_heading(text)
    yield replace(document, title=title, metadata={**document.metadata, **file.metadata()})


def with_fields(document: Document, meta: dict[str, Any]) -> Document:
    """A document with the fields that a text gives of itself, as `front_matter.split` finds them."""
    return replace(document, **front_matter.fields(meta))


# --- Writing


def fenced(code: str, language: str = "") -> str:
    """Code between fences that are longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def code_span(code: str) -> str:
    """Code between backticks in a line."""
    code = " ".join(code.split("\n"))
    if "`" not in code:
        return f"`{code}`" if code.strip() else code
    longest = max(len(run) for run in re.findall(r"`+", code))
    return f"{'`' * (longest + 1)} {code} {'`' * (longest + 1)}"


def table(rows: Sequence[Sequence[str]], *, has_header: bool = True) -> str:
    """Rows of cells as a Markdown table; without a header the first line holds empty cells only where needed."""
    filled = [[_cell(cell) for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not filled:
        return ""
    width = max(len(row) for row in filled)
    lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in filled]
    if has_header:
        lines.insert(1, f"|{'---|' * width}")
    return "\n".join(lines)


class Cell(NamedTuple):
    """A cell of a table with how many columns and rows it takes."""

    text: str
    columns: int = 1
    rows: int = 1


_WIDEST_SPAN = 30
_LONGEST_SPAN = 1000
_LAST_SPANNING_COLUMN = 100


def spread(rows: Iterable[Iterable[Cell]]) -> list[list[str]]:
    """Rows in which every cell stands in its column: a cell of several columns or rows leaves empty cells there."""
    out: list[list[str]] = []
    # How many further rows a cell takes, for the columns that it takes.
    taken: dict[int, int] = {}
    for cells in rows:
        row: list[str] = []
        _fill_taken(row, taken)
        for cell in cells:
            for place in range(max(1, min(cell.columns, _WIDEST_SPAN))):
                if cell.rows > 1 and len(row) < _LAST_SPANNING_COLUMN:
                    taken[len(row)] = min(cell.rows, _LONGEST_SPAN) - 1
                row.append("" if place else cell.text)
            _fill_taken(row, taken)
        out.append(row)
    return out


def _fill_taken(row: list[str], taken: dict[int, int]) -> None:
    while taken.get(len(row)):
        taken[len(row)] -= 1
        row.append("")


def _cell(text: str) -> str:
    text = " ".join(text.split())
    return re.sub(r"(?<!\\)\|", r"\\|", text) if "|" in text and "$" not in text and "`" not in text else text


# --- Titles

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S[^\n]*)")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\](?:\([^()\n]*\)|\[[^\[\]\n]*\])")


def first_heading(text: str) -> str:
    """The words of the first heading outside code; empty without one."""
    for segment in _segments(text.split("\n")):
        if segment.kind != "text":
            continue
        for line in segment.lines:
            found = _HEADING.match(line)
            title = without_marks(found.group(2)) if found else ""
            if title:
                return title
    return ""


def without_marks(text: str) -> str:
    """The words of one line of Markdown: no links, emphasis, code marks and tags; formulas stay."""
    text = re.sub(r"[ \t]+#+[ \t]*\Z", "", text[:1000])
    text = _LINK.sub(r"\1", _LINK.sub(lambda found: "" if found.group(0)[0] == "!" else found.group(1), text))
    parts = re.split(r"(\$[^$\n]+\$)", text)
    for place in range(0, len(parts), 2):
        part = re.sub(r"\*\*|__(?=\S)|(?<=\S)__|`|~~", "", parts[place])
        part = re.sub(r"(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", part)
        part = re.sub(r"</?[A-Za-z][^<>]*>", "", part)
        parts[place] = re.sub(r"\\([^\w\s])", r"\1", part)
    return " ".join("".join(parts).split())


# --- Blocks

_FENCE = re.compile(r"([ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?)(`{3,}|~{3,})(.*)\Z", re.DOTALL)
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_BLOCK_TAG = re.compile(r"[ \t]*<(pre|table|script|style)\b", re.IGNORECASE)


class _Segment(NamedTuple):
    kind: str  # text, fence, indented, or the name of a tag
    lines: list[str]


class _Ends:
    """For each closing mark, the lines that hold it."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._found: dict[str, list[int]] = {}

    def after(self, mark: str, line: int) -> int:
        """The first line from a line on that holds a mark; -1 for none."""
        if mark not in self._found:
            self._found[mark] = [place for place, text in enumerate(self._lines) if mark in text.lower()]
        places = self._found[mark]
        place = bisect_left(places, line)
        return places[place] if place < len(places) else -1


def _segments(lines: list[str]) -> Iterator[_Segment]:
    """Stretches of text, fences, indented code, and elements of HTML that hold rows or code."""
    ends = _Ends(lines)
    text: list[str] = []
    in_list = False
    place = 0
    while place < len(lines):
        kind, end = _block(lines, place, ends, text, in_list)
        if kind == "text":
            line = lines[place]
            if line.strip() and not (in_list and line[:1] in " \t"):
                after_blank = not text or not text[-1].strip()
                in_list = bool(_ITEM.match(line)) or (in_list and not after_blank)
            text += lines[place:end]
        else:
            yield _Segment("text", text)
            yield _Segment(kind, lines[place:end])
            text = []
        place = end
    yield _Segment("text", text)


def _block(lines: list[str], place: int, ends: _Ends, text: list[str], in_list: bool) -> tuple[str, int]:
    """What begins at a line, and the line after its end."""
    line = lines[place]
    found = _FENCE.match(line)
    if found and not (found.group(2)[0] == "`" and "`" in found.group(3)):
        return "fence", _end_of_fence(lines, place, found)
    if line.startswith(("    ", "\t")) and line.strip() and not in_list and (not text or not text[-1].strip()):
        end = place + 1
        while end < len(lines) and (lines[end].startswith(("    ", "\t")) or not lines[end].strip()):
            end += 1
        while not lines[end - 1].strip():
            end -= 1
        return "indented", end
    tag = _BLOCK_TAG.match(line) if "<" in line else None
    if tag:
        name = tag.group(1).lower()
        end = ends.after(f"</{name}", place)
        if end >= 0:
            return name, end + 1
    if "<!--" in line:
        comment = re.sub(r"`[^`]*`", "", line).rfind("<!--")
        if comment >= 0 and "-->" not in line[line.rfind("<!--") :]:
            end = ends.after("-->", place + 1)
            return "text", end + 1 if end >= 0 else place + 1
    return "text", place + 1


def _end_of_fence(lines: list[str], place: int, opening: re.Match[str]) -> int:
    mark, is_quoted = opening.group(2), ">" in opening.group(1)
    for end in range(place + 1, len(lines)):
        line = lines[end].strip(" \t>")
        if is_quoted and not lines[end].lstrip().startswith(">"):
            return end
        if len(line) >= len(mark) and line == mark[0] * len(line):
            return end + 1
    return len(lines)


def clean(text: str, *, is_mdx: bool = False) -> str:
    """The text of a Markdown file without what is no text, with HTML as Markdown.

    Args:
        text: without front matter.
        is_mdx: whether imports, exports and expressions of JavaScript are taken out.
    """
    out = re.sub(r"\n{4,}", "\n\n\n", _clean(text, is_mdx, 0))
    return out.strip("\n").rstrip()


def _clean(text: str, is_mdx: bool, depth: int) -> str:
    lines = _without_containers(text.split("\n"))
    components = frozenset(re.findall(r"</([A-Za-z][\w.-]*)[ \t]*>", text))
    parts: list[str] = []
    for segment in _segments(lines):
        if segment.kind == "text":
            if segment.lines:
                kept = _lines_of_text(segment.lines, is_mdx)
                parts.append(_Inline("\n".join(kept), is_mdx, components).converted())
        elif segment.kind == "fence":
            parts.append(_fence(segment.lines, is_mdx, depth))
        elif segment.kind == "pre":
            parts.append(_pre("\n".join(segment.lines)))
        elif segment.kind == "table":
            parts.append(_html_table("\n".join(segment.lines), is_mdx, components))
        elif segment.kind == "indented":
            parts.append("\n".join(segment.lines))
    return "\n".join(parts)


# --- Fences

_LANGUAGE = re.compile(r"\{?\s*(?:\{\s*)?[=.]?([\w+#-]+)")
_OPTION = re.compile(r"\s*(?:#|//|--|%%?)\|")
_PROSE_BLOCKS = frozenset(
    "note warning tip important admonition seealso caution danger hint attention error todo proof theorem lemma "
    "exercise solution definition corollary proposition example remark axiom conjecture algorithm property "
    "observation assumption criterion dropdown margin sidebar topic epigraph table list-table figure card tab-set "
    "tab-item grid grid-item-card versionadded versionchanged deprecated prf:theorem prf:proof prf:lemma "
    "prf:definition prf:corollary prf:proposition prf:example prf:remark prf:algorithm".split()
)
_BLOCKS_OUT = frozenset("toctree tableofcontents contents bibliography include image index raw literalinclude".split())
_CODE_BLOCKS = frozenset(["code-cell", "code-block", "code", "sourcecode"])
_DIRECTIVE = re.compile(r"\{([\w:.+-]+)\}[ \t]*(.*)\Z", re.DOTALL)


def _fence(lines: list[str], is_mdx: bool, depth: int) -> str:
    opening = _FENCE.match(lines[0])
    if opening is None:
        return "\n".join(lines)
    indent, mark, info = opening.group(1), opening.group(2), opening.group(3).strip()
    last = lines[-1].strip(" \t>") if len(lines) > 1 else ""
    is_closed = len(last) >= len(mark) and last == mark[0] * len(last)
    body = lines[1:-1] if is_closed else lines[1:]
    directive = _DIRECTIVE.match(info)
    if info in ("math", "{math}") or (directive and directive.group(1) == "math"):
        content = "\n".join(line.strip(" \t>") for line in _without_options(body) if line.strip())
        return f"{indent}$$\n{content}\n{indent}$$"
    if directive and directive.group(1).lower() in _BLOCKS_OUT:
        return ""
    if directive and directive.group(1).lower() in _PROSE_BLOCKS and depth < _DEEPEST:
        name, argument = directive.group(1).lower(), directive.group(2).strip()
        title = "" if name in ("figure", "list-table") else argument or name.partition(":")[2] or name.capitalize()
        inner = _clean("\n".join(_without_options(body)), is_mdx, depth + 1)
        return "\n".join(filter(None, [f"**{without_marks(title)}**\n" if title else "", inner]))
    if directive and directive.group(1) in _CODE_BLOCKS:
        language, body = directive.group(2).split(" ")[0].replace("ipython3", "python"), _without_options(body)
    elif info.startswith("{"):
        found = _LANGUAGE.match(info)
        language = found.group(1) if found else ""
        while body and _OPTION.match(body[0]):
            body = body[1:]
    else:
        language = info
    closing = [f"{re.sub(r'[^ >]', ' ', indent)}{mark}"]
    return "\n".join([f"{indent}{mark}{language}", *body, *closing])


def _without_options(lines: list[str]) -> list[str]:
    """The lines of a directive of MyST after its options: `:name: value` lines, or YAML between `---`."""
    if lines and lines[0].strip() == "---":
        for place in range(1, len(lines)):
            if lines[place].strip() == "---":
                return lines[place + 1 :]
    place = 0
    while place < len(lines) and re.match(r"[ \t>]*:[\w-]+:(?:\s|\Z)", lines[place]):
        place += 1
    return lines[place:]


# --- Lines of text

_CONTAINER = re.compile(r"([ \t]*)(?:!!!|\?\?\?\+?|===\+?!?)[ \t]+(?:([\w -]+?)[ \t]*)?(?:\"([^\"]*)\")?[ \t]*\Z")
_DIV = re.compile(r"[ \t>]*:{3,}[ \t]*(\{[^}]*\}|[\w-]*)[ \t]*(?:\[([^\]]*)\])?[ \t]*(.*?)[ \t]*:*[ \t]*\Z")
_TITLE_ATTRIBUTE = re.compile(r"(?:title|caption|summary)=\"([^\"]*)\"")
_ATTRIBUTES = r"\{[ \t]*(?:[:#.][^{}\n]*|-|[\w-]+=[^{}\n]*)\}"
_HEADING_ATTRIBUTES = re.compile(rf"(?<![ \t])[ \t]*{_ATTRIBUTES}[ \t]*\Z")
_FORMULA_LABEL = re.compile(rf"\$\$[ \t]*{_ATTRIBUTES}[ \t]*\Z")
_ATTRIBUTE_LINE = re.compile(rf"[ \t]*{_ATTRIBUTES}[ \t]*\Z")
_TABLE_OF_CONTENTS = re.compile(
    r"[ \t]*(?:\[\[?_?TOC_?\]\]?|\$\{toc\}|\{\{ ?toc ?\}\}|\[\[toc\]\])[ \t]*\Z", re.IGNORECASE
)
_COMMENT_LINE = re.compile(r"[ \t]*\[(?://|comment|_comment|_)\]:[ \t]*(?:#|<>)(?:[ \t]|\Z)")
_EMBEDDED = re.compile(r"\[[^\]\n]+\]:[ \t]*<?data:")
_LIQUID = re.compile(r"[ \t]*(?:\{%-?[^%]*%\}|\{\{[<%][^{}]*[%>]\}\})[ \t]*\Z")
_HIGHLIGHT = re.compile(r"[ \t]*\{%-?[ \t]*(?:highlight[ \t]+([\w+#-]+)[^%]*|(endhighlight)[ \t]*)-?%\}[ \t]*\Z")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*\Z")
_NO_SETEXT = re.compile(r"[ \t]*(?:[#>|*+-]|\d+[.)][ \t]|<|\$\$|\Z)|    ")
_IMPORT = re.compile(r"import\s+(?:[\"']|(?:[\w$*{][^\n]*?\sfrom\s*[\"'])|\{[^}\n]*\Z|[\w$]+\s*,\s*\{[^}\n]*\Z)")
_EXPORT = re.compile(
    r"export\s+(?:const|let|var|function|async|class|\{|\*|default\s+(?:function|class|async|\(|\{|[\w$.]+\s*[;(]|[\w$.]+\s*\Z))"
)


def _without_containers(lines: list[str]) -> list[str]:
    """Lines in which admonitions and tabs of MkDocs are a bold title and text that is not indented."""
    if not any(line.lstrip().startswith(("!!!", "???", "===", "{% highlight", "{%- highlight")) for line in lines):
        return lines
    out: list[str] = []
    indents: list[int] = []
    fence = ""
    for line in lines:
        while not fence and indents and line.strip() and len(line) - len(line.lstrip(" ")) < indents[-1]:
            indents.pop()
        line = line[indents[-1] :] if indents and not line[: indents[-1]].strip() else line
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~"):
            fence = "" if fence == mark else fence or mark
        highlight = _HIGHLIGHT.match(line) if len(line) <= _LONGEST_MARK_LINE else None
        if highlight and (not fence or fence == "{%"):
            fence = "{%" if highlight.group(1) else ""
            out.append(f"```{highlight.group(1) or ''}")
            continue
        may_begin = not fence and len(indents) < _DEEPEST and len(line) <= _LONGEST_MARK_LINE
        found = _CONTAINER.match(line) if may_begin else None
        if found and (found.group(2) or found.group(3)):
            indents.append((indents[-1] if indents else 0) + len(found.group(1)) + 4)
            kind = (found.group(2) or "").split(" ")[0]
            title = found.group(3) if found.group(3) is not None else kind.capitalize()
            out += ["", f"**{title}**", ""] if title else [""]
        else:
            out.append(line)
    return out


def _lines_of_text(lines: list[str], is_mdx: bool) -> list[str]:
    if is_mdx:
        lines = _without_modules(lines)
    out: list[str] = []
    for line in lines:
        stripped = line.strip()
        if stripped[:3] == ":::":
            out += _div(line)
        elif stripped[:1] in ("{", "[", "$") and _is_out(line):
            if stripped.startswith("{:toc") and out and re.fullmatch(r"\s*(?:[-*+]|1\.)\s.*", out[-1]):
                out.pop()
            elif (titles := _TITLE_ATTRIBUTE.findall(line)) and stripped.startswith("{{"):
                out += [" ".join(titles)]
        elif (setext := _SETEXT.match(line)) and _is_title(out):
            title = _HEADING_ATTRIBUTES.sub("", out.pop()).strip()
            out += [f"{'#' if setext.group(1)[0] == '=' else '##'} {title}"]
        elif stripped[:2] == "$$" and stripped[-1:] == "}":
            out.append(_FORMULA_LABEL.sub("$$", line))
        elif stripped[:2] == ": " and stripped[-1:] == "}":
            out.append(_HEADING_ATTRIBUTES.sub("", line))
        elif stripped[:1] == "#":
            out.append(_HEADING_ATTRIBUTES.sub("", line) if _HEADING.match(line) else line)
        else:
            out.append(line)
    return out


def _is_out(line: str) -> bool:
    patterns = (_ATTRIBUTE_LINE, _TABLE_OF_CONTENTS, _COMMENT_LINE, _EMBEDDED, _LIQUID)
    return any(pattern.match(line) for pattern in patterns)


def _is_title(lines: list[str]) -> bool:
    """Whether the last line is a paragraph of its own, so that a line of dashes under it makes it a heading."""
    if not lines or not lines[-1].strip() or _NO_SETEXT.match(lines[-1]):
        return False
    return len(lines) == 1 or not lines[-2].strip() or bool(_HEADING.match(lines[-2]))


def _div(line: str) -> list[str]:
    """The title that a line of a fenced div gives, in bold."""
    found = _DIV.match(line[:300])
    if not found or line.strip(" \t>:") == "":
        return []
    attribute = _TITLE_ATTRIBUTE.search(found.group(1))
    title = found.group(2) or (attribute.group(1) if attribute else "") or found.group(3).strip("{}")
    title = "" if title.startswith((".", "#")) or "=" in title else title
    return ["", f"**{title.strip()}**", ""] if title.strip() else []


def _without_modules(lines: list[str]) -> list[str]:
    """Lines without imports and exports of JavaScript at the start of a line."""
    out: list[str] = []
    depth = 0
    for line in lines:
        if depth > 0:
            depth += _balance(line)
        elif _IMPORT.match(line) or _EXPORT.match(line):
            depth = _balance(line)
        else:
            out.append(line)
    return out if depth <= 0 else [line for line in lines if not _IMPORT.match(line) and not _EXPORT.match(line)]


def _balance(line: str) -> int:
    return sum(line.count(char) for char in "{([") - sum(line.count(char) for char in "})]")


# --- Inline

_TOKEN = re.compile(
    r"\\\\[(\[]|\\[!-/:-@\[-`{-~]|`+|\$\$?|<(?=[A-Za-z/!>])|&#?\w{1,32};|\{/\*|\{[ \t]*[\"'][ \t]*[\"'][ \t]*\}"
    r"|!?\[\[(?=[^\[\]\n]{1,200}\]\])|(?<=[\])`])\{(?=[:#.\w])|\]\(data:"
)
_INLINE_MATH = re.compile(r"\$(?![\s$])(?:[^$\\\n]|\\.|\n(?![ \t]*\n))*+(?<![\s\\])\$(?!\d)", re.DOTALL)
_QUOTED_MATH = re.compile(r"\$`([^`\n]*)`\$")
_TAG = re.compile(r"<(/?)([a-zA-Z][\w.:-]*)(?=[\s/>])((?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)>")
_JSX_TAG = re.compile(
    r"<(/?)([a-zA-Z][\w.:-]*|(?=>))(?=[\s/>{])"
    r"((?:[^<>\"'{}]|\"[^\"<]*\"|'[^'<]*'|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*+\})*+\})*+\})*+)>"
)
_INLINE_ATTRIBUTES = re.compile(
    r"\{(?:[ \t]*(?:[:#.][\w:.-]+|[\w-]+=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s{}\"']+)|:))++[ \t]*\}"
)
_WIKI_LINK = re.compile(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]+))?\]\]")
_ROLE = re.compile(r"\{([a-z][\w:+-]{0,30})\}\Z")
_FORMULA = re.compile(r"\\[A-Za-z]|[_^=+<>]|\A\s*[A-Za-z]\s*\Z")
_MARKS = {
    "b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "tt": "`", "kbd": "`", "samp": "`", "s": "~~",
    "del": "~~", "strike": "~~",
}  # fmt: skip
_BLOCK_TAGS = frozenset(
    "address article aside blockquote center dd details div dl dt fieldset figcaption figure footer form header hr "
    "main nav ol p section summary table tbody td tfoot th thead tr ul caption h1 h2 h3 h4 h5 h6 li body html head "
    "colgroup col".split()
)
_INLINE_TAGS = frozenset(
    "a abbr acronym area audio base basefont bdi bdo big br button canvas cite data datalist dfn embed font iframe img "
    "input ins label legend link map mark math meta meter nobr noscript object optgroup option output param picture "
    "progress q rp rt ruby select small source span sub sup svg path g rect circle line text textarea time title "
    "track u var video wbr script style pre".split()
)
_KNOWN_TAGS = _BLOCK_TAGS | _INLINE_TAGS | frozenset(_MARKS)
_HEADING_TAG = re.compile(r"h([1-6])\Z")
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_SRC = re.compile(r"\bsrc\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_CODE_ROLES = frozenset(["code", "func", "class", "meth", "mod", "attr", "kbd", "file", "command", "py", "samp"])


class _Inline:
    """One stretch of text outside fences, read once from left to right."""

    def __init__(self, text: str, is_mdx: bool, components: frozenset[str]) -> None:
        self._text = text
        self._is_mdx = is_mdx
        self._components = components
        self._out: list[str] = []
        self._runs: dict[int, list[int]] | None = None
        self._lacking: set[str] = set()
        self._blank_lines: list[int] | None = None
        self._line_end = -1
        self._is_row = False
        self._ends_of_tags: dict[int, int] | None = None

    def converted(self) -> str:
        place = 0
        while found := _TOKEN.search(self._text, place):
            self._out.append(self._text[place : found.start()])
            place = self._token(found.group(0), found.start(), found.end())
        self._out.append(self._text[place:])
        return "".join(self._out)

    def _token(self, token: str, start: int, end: int) -> int:
        """Write what a token stands for; the place to go on at."""
        first = token[0]
        if first == "`":
            return self._code(token, start, end)
        if first == "$":
            return self._formula(token, start, end)
        if first == "<":
            return self._element(start, end)
        if token in ("\\(", "\\[", "\\\\(", "\\\\["):
            return self._bracketed(token, end)
        if first == "&":
            self._out.append(_unescaped(token))
            return end
        if first == "{":
            return self._braces(token, start, end)
        if token in ("[[", "![["):
            return self._wiki_link(token, start, end)
        if token == "](data:":
            close = self._find(")", end)
            self._out.append("]" if close >= 0 else token)
            return close + 1 if close >= 0 else end
        self._out.append(token)
        return end

    def _find(self, mark: str, place: int) -> int:
        """Where a mark stands next; that there is none further on is known after one search."""
        if mark in self._lacking:
            return -1
        found = self._text.find(mark, place)
        if found < 0:
            self._lacking.add(mark)
        return found

    def _has_blank_line(self, start: int, end: int) -> bool:
        if self._blank_lines is None:
            self._blank_lines = [found.start() for found in re.finditer(r"\n(?=[ \t]*\n)", self._text)]
        place = bisect_left(self._blank_lines, start)
        return place < len(self._blank_lines) and self._blank_lines[place] < end

    def _code(self, token: str, start: int, end: int) -> int:
        if self._runs is None:
            self._runs = {}
            for found in re.finditer(r"`+", self._text):
                self._runs.setdefault(found.end() - found.start(), []).append(found.start())
        places = self._runs.get(len(token), [])
        index = bisect_right(places, start)
        close = places[index] if index < len(places) else -1
        if close < 0 or self._has_blank_line(start, close):
            self._out.append(token)
            return end
        code = self._text[start : close + len(token)]
        role = _ROLE.search(self._out[-1][-40:]) if self._out else None
        if role:
            self._out[-1] = self._out[-1][: -len(role.group(0))]
            code = _of_role(role.group(1), self._text[end:close])
        self._out.append(code)
        return close + len(token)

    def _formula(self, token: str, start: int, end: int) -> int:
        if token == "$$":
            close = self._find("$$", end)
            if close >= 0:
                self._out.append(_in_formula(self._text[start : close + 2]))
                return close + 2
        else:
            quoted = _QUOTED_MATH.match(self._text, start)
            found = quoted or _INLINE_MATH.match(self._text, start)
            if found:
                self._out.append(_in_formula(f"${quoted.group(1)}$" if quoted else found.group(0)))
                return found.end()
        self._out.append(token)
        return end

    def _bracketed(self, token: str, end: int) -> int:
        r"""Formulas in `\(…\)` and `\[…\]`, which are escaped brackets where they hold no formula."""
        is_display = token[-1] == "["
        closing = token[:-1] + ("]" if is_display else ")")
        close = self._find(closing, end)
        inside = self._text[end : min(close, end + 2000)] if close >= 0 else ""
        if not inside or not _FORMULA.search(inside) or (not is_display and self._has_blank_line(end, close)):
            self._out.append(token)
            return end
        mark = "$$" if is_display else "$"
        whole = self._text[end:close]
        self._out.append(_in_formula(f"{mark}{whole if is_display else whole.strip()}{mark}"))
        return close + len(closing)

    def _braces(self, token: str, start: int, end: int) -> int:
        if token == "{/*":
            close = self._find("*/}", end) if self._is_mdx else -1
            if close >= 0:
                return close + 3
        elif len(token) > 1:
            if self._is_mdx:
                self._out.append(" ")
                return end
        else:
            found = _INLINE_ATTRIBUTES.match(self._text, start)
            if found:
                return found.end()
        self._out.append(token)
        return end

    def _wiki_link(self, token: str, start: int, end: int) -> int:
        found = _WIKI_LINK.match(self._text, start)
        before = self._text[start - 1 : start]
        is_index = before.isalnum() or before in ("_", "]", ")")
        if not found or is_index or re.fullmatch(r"[\d\s,.;+-]+", found.group(2)):
            self._out.append(token)
            return end
        if not found.group(1):
            self._out.append(found.group(3) or found.group(2).replace("#", " > ").strip(" >"))
        return found.end()

    def _element(self, start: int, end: int) -> int:
        if self._text.startswith("<!--", start):
            close = self._find("-->", start + 4)
            if close >= 0:
                return close + 3
        found = (_JSX_TAG if self._is_mdx else _TAG).match(self._text, start)
        name = found.group(2) if found else ""
        is_closing = bool(found and found.group(1))
        is_single = bool(found and found.group(3).rstrip().endswith("/"))
        is_known = name.lower() in _KNOWN_TAGS
        is_component = name in self._components or is_single or (self._is_mdx and name[:1].isupper())
        if not found or not (is_known or is_component or (self._is_mdx and not name)):
            self._out.append("<")
            return end
        after = 0 if is_closing or is_single else self._after_element(name.lower(), found)
        if after:
            return after
        self._write_tag(name.lower() if is_known else "", is_closing, found.group(3), start)
        skipped = name.lower() in ("script", "style", "svg") and not is_closing and not is_single
        close = self._find(f"</{name}>", found.end()) if skipped else -1
        return close + len(name) + 3 if close >= 0 else found.end()

    def _after_element(self, name: str, opening: re.Match[str]) -> int:
        """The place after a formula in MathML, which is written, or after hidden text; 0 for another element."""
        is_formula = name == "math"
        if not is_formula and not _is_hidden(name, opening.group(3)):
            return 0
        if self._ends_of_tags is None:
            self._ends_of_tags = _ends_of_tags(self._text)
        after = self._ends_of_tags.get(opening.start(), 0)
        if is_formula and after:
            formula = _of_mathml(self._text[opening.start() : after])
            if not formula:
                return 0
            is_block = _BLOCK_FORMULA.search(opening.group(3)) and not self._in_row(opening.start())
            self._out.append(f"\n\n$${formula}$$\n\n" if is_block else f"${formula}$")
        return after

    def _write_tag(self, name: str, is_closing: bool, attributes: str, start: int) -> None:
        heading = _HEADING_TAG.match(name)
        if name in ("sub", "sup"):
            self._out.append("}" if is_closing else "_{" if name == "sub" else "^{")
        elif name in _MARKS:
            self._out.append(_MARKS[name])
        elif name == "br":
            self._out.append(" " if self._in_row(start) else "\n")
        elif name == "img" and (alt := _attribute(_ALT, attributes)):
            self._out.append(f"![{alt}]({_attribute(_SRC, attributes)})")
        elif name in ("td", "th"):
            self._out.append("" if is_closing else " | ")
        elif heading:
            self._begin_line()
            self._out.append("\n" if is_closing else "\n" + "#" * int(heading.group(1)) + " ")
        elif name == "li" and not is_closing:
            self._begin_line()
            self._out.append("- ")
        elif name == "summary":
            self._out.append("**\n\n" if is_closing else "**")
        elif name in _BLOCK_TAGS and not self._in_row(start):
            self._begin_line()

    def _begin_line(self) -> None:
        last = next((part for part in reversed(self._out[-3:]) if part), "\n")
        if last.strip(" \t") and not last.rstrip(" \t").endswith("\n"):
            self._out.append("\n")

    def _in_row(self, place: int) -> bool:
        """Whether a place stands in a line that is a row of a table."""
        if place > self._line_end:
            start = self._text.rfind("\n", max(self._line_end, 0), place) + 1
            self._line_end = self._text.find("\n", place)
            if self._line_end < 0:
                self._line_end = len(self._text)
            self._is_row = self._text[start : start + 50].lstrip().startswith("|")
        return self._is_row


_BLOCK_FORMULA = re.compile(r"\bdisplay\s*=\s*[\"']?block", re.IGNORECASE)
_LONGEST_FORMULA = 100_000
_HIDDEN = re.compile(
    r"\bstyle\s*=\s*(?:\"[^\"]*|'[^']*|\{\{[^{}]*)(?:\bdisplay[\"']?\s*:\s*[\"']?none|\bvisibility[\"']?\s*:\s*[\"']?hidden)"
    r"|\bclass(?:Name)?\s*=\s*[\"'](?:[^\"']*\s)?(?:sr-only|visually-?hidden|screen-?reader(?:-only|-text)?)[\s\"']",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_HIDDEN_ATTRIBUTE = re.compile(r"(?<![\w-])hidden(?![\w-])(?!\s*=\s*\{?false)", re.IGNORECASE)
# Elements that hold nothing, so that no closing tag belongs to them.
_VOID = frozenset("area base basefont br col embed hr img input link meta source track wbr".split())


def _is_hidden(name: str, attributes: str) -> bool:
    """Whether no reader sees an element."""
    if name in _VOID or not attributes.strip():
        return False
    return bool(_HIDDEN.search(attributes) or _HIDDEN_ATTRIBUTE.search(_QUOTED.sub("''", attributes)))


def _ends_of_tags(text: str) -> dict[int, int]:
    """For the place of each opening tag the place after its closing one."""
    ends: dict[int, int] = {}
    waiting: dict[str, list[int]] = {}
    for found in _TAG.finditer(text):
        name = found.group(2).lower()
        if found.group(1):
            if waiting.get(name):
                ends[waiting[name].pop()] = found.end()
        elif name not in _VOID and not found.group(3).rstrip().endswith("/"):
            waiting.setdefault(name, []).append(found.start())
    return ends


def _of_mathml(markup: str) -> str:
    """The LaTeX of an element `math`; empty where it holds nothing or is too long."""
    from lxml import etree

    if len(markup) > _LONGEST_FORMULA:
        return ""
    root = etree.fromstring(markup, etree.HTMLParser(recover=True))
    math = root.find(".//math") if root is not None else None
    return " ".join(tex_of(math).split()) if math is not None else ""


def _attribute(pattern: re.Pattern[str], attributes: str) -> str:
    found = pattern.search(attributes)
    return (found.group(1) or found.group(2) or "").strip() if found else ""


def _unescaped(entity: str) -> str:
    text = html.unescape(entity)
    return " " if text == "\u00a0" else text


def _in_formula(text: str) -> str:
    """A formula in which signs are not written as HTML writes them."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _of_role(role: str, content: str) -> str:
    """The text of a role of MyST, as {math}`x`."""
    target = re.fullmatch(r"(.*?)\s*<[^<>]*>", content, re.DOTALL)
    shown = target.group(1) if target and target.group(1) else content
    if role == "math":
        return f"${content.strip()}$"
    if role in ("sub", "subscript"):
        return f"_{{{content}}}"
    if role in ("sup", "superscript"):
        return f"^{{{content}}}"
    if role.startswith("cite") or role in ("eval", "index"):
        return ""
    return f"`{shown}`" if role.partition(":")[0] in _CODE_ROLES else shown


# --- HTML that holds rows or code


def _pre(text: str) -> str:
    """An element of preformatted text as a fence, with what stands before and after it."""
    found = re.match(r"(?is)(.*?)<pre\b[^>]*>(.*)</pre[^>]*>(.*)", text)
    if not found:
        return text
    language = re.search(r"(?:language|lang|highlight-source)-([\w+#]+)|\blang=\"([\w+#]+)\"", text[:500])
    code = html.unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", found.group(2))).strip("\n")
    name = (language.group(1) or language.group(2)) if language else ""
    return "\n".join(part for part in (found.group(1).strip(), fenced(code, name), found.group(3).strip()) if part)


def _html_table(text: str, is_mdx: bool, components: frozenset[str]) -> str:
    """A table of HTML as rows; one whose cells hold fences keeps these, and its cells stand one below the other."""
    if "```" in text or "~~~" in text:
        spaced = re.sub(r"</?(?:td|th|tr|table|thead|tbody)\b[^<>]*>", "\n\n", text, flags=re.IGNORECASE)
        return "\n".join(
            "\n".join(one.lines)
            if one.kind != "text"
            else _Inline("\n".join(one.lines), is_mdx, components).converted()
            for one in _segments(spaced.split("\n"))
        )
    rows: list[list[str]] = []
    spans: list[list[tuple[int, int]]] = []
    outside: list[str] = []
    place = depth = 0
    for found in _TAG.finditer(text):
        name = found.group(2).lower()
        if name not in ("table", "tr", "td", "th", "caption"):
            continue
        _add_text(text[place : found.start()], rows if depth else [], outside)
        place = found.end()
        if name == "table":
            depth = max(0, depth + (-1 if found.group(1) else 1))
        elif name == "tr" and not found.group(1) and depth == 1:
            rows.append([])
            spans.append([])
        elif name in ("td", "th") and not found.group(1) and depth == 1:
            rows, spans = rows or [[]], spans or [[]]
            rows[-1].append("")
            spans[-1].append((_span("colspan", found.group(3)), _span("rowspan", found.group(3))))
    outside.append(text[place:])
    cells = [
        [
            Cell(" ".join(_Inline(cell, is_mdx, components).converted().split()), *span)
            for cell, span in zip(row, row_spans, strict=True)
        ]
        for row, row_spans in zip(rows, spans, strict=True)
    ]
    around = _Inline("\n".join(outside), is_mdx, components).converted().strip()
    return "\n\n".join(part for part in (around, table(spread(cells))) if part)


def _add_text(text: str, rows: list[list[str]], outside: list[str]) -> None:
    if rows and rows[-1]:
        rows[-1][-1] += f" {text}" if rows[-1][-1] and text.strip() else text
    elif text.strip():
        outside.append(text)


def _span(name: str, attributes: str) -> int:
    found = re.search(rf"\b{name}\s*=\s*[\"'{{]*(\d{{1,4}})", attributes, re.IGNORECASE)
    return int(found.group(1)) or 1 if found else 1
