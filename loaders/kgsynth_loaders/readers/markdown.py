"""Read Markdown in its dialects: CommonMark, GitHub, Pandoc, Quarto, R Markdown, MyST, MDX and site generators.

Comments, attributes, imports and tags are removed, HTML is converted to Markdown, and all other text is unchanged.
Code and formulas are left as they are. Every step takes time linear in the length of the text.
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

# Maximum depth of nested directives and admonitions that are converted.
_DEEPEST = 5
# Maximum number of characters of a line that begins an admonition, a tab or a highlighted block.
_LONGEST_MARK_LINE = 300


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield the text after the front matter, with the fields that the front matter sets.

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
    """Return a document with the fields of its front matter, as `front_matter.split` returns them."""
    return replace(document, **front_matter.fields(meta))


# --- Writing


def fenced(code: str, language: str = "") -> str:
    """Return code between fences that are longer than any run of backticks in the code."""
    longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def code_span(code: str) -> str:
    """Return code as a code span on a single line; blank code is returned without backticks."""
    code = " ".join(code.split("\n"))
    if "`" not in code:
        return f"`{code}`" if code.strip() else code
    longest = max(len(run) for run in re.findall(r"`+", code))
    return f"{'`' * (longest + 1)} {code} {'`' * (longest + 1)}"


def table(rows: Sequence[Sequence[str]], *, has_header: bool = True) -> str:
    """Return rows of cells as a Markdown table, or an empty text if all cells are blank.

    Args:
        rows: texts of the cells; blank rows are left out, and short rows are filled with empty cells.
        has_header: whether a delimiter row follows the first row.
    """
    non_blank_rows = [[_cell(cell) for cell in row] for row in rows if any(cell.strip() for cell in row)]
    if not non_blank_rows:
        return ""
    width = max(len(row) for row in non_blank_rows)
    lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in non_blank_rows]
    if has_header:
        lines.insert(1, f"|{'---|' * width}")
    return "\n".join(lines)


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: text of the cell.
        columns: number of columns that the cell spans.
        rows: number of rows that the cell spans.
    """

    text: str
    columns: int = 1
    rows: int = 1


# Maximum numbers of columns and rows of a span; larger spans are cut to them.
_WIDEST_SPAN = 30
_LONGEST_SPAN = 1000
# Cells from this column on span a single row.
_LAST_SPANNING_COLUMN = 100


def spread(rows: Iterable[Iterable[Cell]]) -> list[list[str]]:
    """Return rows of texts in which every cell is in its column: a span is filled with empty cells."""
    spread_rows: list[list[str]] = []
    # Number of further rows that a cell spans, by column.
    rows_left: dict[int, int] = {}
    for cells in rows:
        row: list[str] = []
        _fill_spanned(row, rows_left)
        for cell in cells:
            for offset in range(max(1, min(cell.columns, _WIDEST_SPAN))):
                if cell.rows > 1 and len(row) < _LAST_SPANNING_COLUMN:
                    rows_left[len(row)] = min(cell.rows, _LONGEST_SPAN) - 1
                row.append("" if offset else cell.text)
            _fill_spanned(row, rows_left)
        spread_rows.append(row)
    return spread_rows


def _fill_spanned(row: list[str], rows_left: dict[int, int]) -> None:
    while rows_left.get(len(row)):
        rows_left[len(row)] -= 1
        row.append("")


def _cell(text: str) -> str:
    text = " ".join(text.split())
    return re.sub(r"(?<!\\)\|", r"\\|", text) if "|" in text and "$" not in text and "`" not in text else text


# --- Titles

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S[^\n]*)")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\](?:\([^()\n]*\)|\[[^\[\]\n]*\])")


def first_heading(text: str) -> str:
    """Return the words of the first heading outside code; empty if there is none."""
    for segment in _segments(text.split("\n")):
        if segment.kind != "text":
            continue
        for line in segment.lines:
            heading = _HEADING.match(line)
            title = without_marks(heading.group(2)) if heading else ""
            if title:
                return title
    return ""


def without_marks(text: str) -> str:
    """Return the words of a line of Markdown without links, emphasis, code marks and tags; formulas are kept."""
    text = re.sub(r"[ \t]+#+[ \t]*\Z", "", text[:1000])
    text = _LINK.sub(r"\1", _LINK.sub(lambda match: "" if match.group(0)[0] == "!" else match.group(1), text))
    parts = re.split(r"(\$[^$\n]+\$)", text)
    for index in range(0, len(parts), 2):
        part = re.sub(r"\*\*|__(?=\S)|(?<=\S)__|`|~~", "", parts[index])
        part = re.sub(r"(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", "", part)
        part = re.sub(r"</?[A-Za-z][^<>]*>", "", part)
        parts[index] = re.sub(r"\\([^\w\s])", r"\1", part)
    return " ".join("".join(parts).split())


# --- Blocks

_FENCE = re.compile(r"([ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]++)?)(`{3,}|~{3,})(.*)\Z", re.DOTALL)
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
# Blocks that continue in indented lines: items of lists, footnotes, and definitions. The content of an item begins
# after its mark, that of the others is indented by four.
_CONTINUED = re.compile(r"([ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]{1,4}(?=\S)|[ \t]))|\[\^[^\]\n]+\]:|[:~][ \t]")
_FORMULA_MARKS = re.compile(r"\$\$|\\(?:\[|\]|begin\{|end\{)")
_CODE_INDENT = 4
_BLOCK_TAG = re.compile(r"[ \t]*<(pre|table|script|style)\b", re.IGNORECASE)


class _Segment(NamedTuple):
    kind: str  # "text", "fence", "indented", or the name of a tag
    lines: list[str]


class _Ends:
    """The lines that contain each closing mark; a mark is searched once."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._lines_by_mark: dict[str, list[int]] = {}

    def after(self, mark: str, line: int) -> int:
        """Return the index of the first line from `line` on that contains a mark; -1 if there is none."""
        if mark not in self._lines_by_mark:
            self._lines_by_mark[mark] = [index for index, text in enumerate(self._lines) if mark in text.lower()]
        marked_lines = self._lines_by_mark[mark]
        index = bisect_left(marked_lines, line)
        return marked_lines[index] if index < len(marked_lines) else -1


class _Above:
    """What the lines above a line leave open.

    Attributes:
        indent: least indentation of code: four more than the content of the item above, or four outside lists.
        in_formula: whether a formula is open.
    """

    def __init__(self) -> None:
        self.indent = _CODE_INDENT
        self.in_formula = False
        self._depth = 0

    def add(self, line: str, *, after_blank: bool) -> None:
        """Add a line, which ends a list if it is neither indented nor directly below a line of it."""
        if not line.strip():
            return
        begun = _CONTINUED.match(line)
        if begun:
            content = len(begun.group(1).expandtabs(4)) if begun.group(1) else _CODE_INDENT
            self.indent = content + _CODE_INDENT
        elif line[:1] not in " \t" and after_blank:
            self.indent = _CODE_INDENT
        if "$$" in line or "\\" in line:
            for mark in _FORMULA_MARKS.findall(line):
                self._depth = 1 - min(self._depth, 1) if mark == "$$" else max(0, self._depth + _DEPTHS[mark])
            self.in_formula = self._depth > 0
        elif line[0] == "#":
            self.in_formula, self._depth = False, 0


_DEPTHS = {"\\[": 1, "\\]": -1, "\\begin{": 1, "\\end{": -1}


def _segments(lines: list[str], *, has_indented: bool = True) -> Iterator[_Segment]:
    """Divide lines into text, fences, HTML elements that contain rows or code, and, except in MDX, indented code."""
    ends = _Ends(lines)
    above = _Above()
    text: list[str] = []
    index = 0
    while index < len(lines):
        after_blank = not text or not text[-1].strip()
        may_be_code = has_indented and after_blank and not above.in_formula
        end = _end_of_indented(lines, index, above.indent) if may_be_code else index
        if end > index:
            kind = "indented"
        else:
            kind, end = _block(lines, index, ends)
            if kind == "text" or _ITEM.match(lines[index]):
                above.add(lines[index], after_blank=after_blank)
        if kind == "text":
            text += lines[index:end]
        else:
            yield _Segment("text", text)
            yield _Segment(kind, lines[index:end])
            text = []
        index = end
    yield _Segment("text", text)


def _indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip(" "))


def _end_of_indented(lines: list[str], index: int, indent: int) -> int:
    """Return the index after the indented code that begins at a line; the index of the line itself if it is text.

    The first line of a paragraph and items of a list may be indented as far as code, and are text.
    """
    line = lines[index]
    if line[:1] not in (" ", "\t") or not line.strip() or _indent(line) < indent or _ITEM.match(line):
        return index
    end = index + 1
    while end < len(lines) and (not lines[end].strip() or (lines[end][:1] in " \t" and _indent(lines[end]) >= indent)):
        end += 1
    is_followed = end < len(lines) and lines[end - 1].strip() != ""
    while not lines[end - 1].strip():
        end -= 1
    return index if is_followed and end == index + 1 else end


def _block(lines: list[str], index: int, ends: _Ends) -> tuple[str, int]:
    """Return the kind of the segment that begins at a line, and the index of the line after its end."""
    line = lines[index]
    fence = _FENCE.match(line)
    if fence and not (fence.group(2)[0] == "`" and "`" in fence.group(3)):
        return "fence", _end_of_fence(lines, index, fence)
    opening_tag = _BLOCK_TAG.match(line) if "<" in line else None
    if opening_tag:
        name = opening_tag.group(1).lower()
        end = ends.after(f"</{name}", index)
        if end >= 0:
            return name, end + 1
    if "<!--" in line:
        comment = re.sub(r"`[^`]*`", "", line).rfind("<!--")
        if comment >= 0 and "-->" not in line[line.rfind("<!--") :]:
            end = ends.after("-->", index + 1)
            return "text", end + 1 if end >= 0 else index + 1
    return "text", index + 1


def _end_of_fence(lines: list[str], index: int, opening: re.Match[str]) -> int:
    mark, is_quoted = opening.group(2), ">" in opening.group(1)
    for end in range(index + 1, len(lines)):
        line = lines[end].strip(" \t>")
        if is_quoted and not lines[end].lstrip().startswith(">"):
            return end
        if len(line) >= len(mark) and line == mark[0] * len(line):
            return end + 1
    return len(lines)


def clean(text: str, *, is_mdx: bool = False) -> str:
    """Return Markdown without comments, attributes and tags, and with HTML converted to Markdown.

    Args:
        text: text without front matter.
        is_mdx: whether imports, exports and expressions of JavaScript are removed.
    """
    cleaned = re.sub(r"\n{4,}", "\n\n\n", _clean(text, is_mdx, 0))
    return cleaned.strip("\n").rstrip()


def _clean(text: str, is_mdx: bool, depth: int) -> str:
    lines = _without_containers(text.split("\n"))
    components = frozenset(re.findall(r"</([A-Za-z][\w.-]*)[ \t]*>", text))
    parts: list[str] = []
    for segment in _segments(lines, has_indented=not is_mdx):
        if segment.kind == "text":
            if segment.lines:
                text_lines = _lines_of_text(segment.lines, is_mdx)
                parts.append(_Inline("\n".join(text_lines), is_mdx, components).converted())
        elif segment.kind == "fence":
            parts.append(_fence(segment.lines, is_mdx, depth))
        elif segment.kind == "pre":
            parts.append(_pre("\n".join(segment.lines)))
        elif segment.kind == "table":
            parts.append(_html_table("\n".join(segment.lines), is_mdx, components))
        elif segment.kind == "indented":
            parts.append(_fenced_indented(segment.lines))
    return "\n".join(parts)


def _fenced_indented(lines: list[str]) -> str:
    """Return indented code between fences; the fences of code in a list are indented like the content of its item."""
    expanded = [line.expandtabs(4).rstrip() for line in lines]
    indent = min(_indent(line) for line in expanded if line)
    outer = " " * (indent - _CODE_INDENT)
    code = fenced("\n".join(line[indent:] for line in expanded))
    return "\n".join(outer + line if line else "" for line in code.split("\n"))


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
_DROPPED_BLOCKS = frozenset(
    "toctree tableofcontents contents bibliography include image index raw literalinclude".split()
)
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
    if directive and directive.group(1).lower() in _DROPPED_BLOCKS:
        return ""
    if directive and directive.group(1).lower() in _PROSE_BLOCKS and depth < _DEEPEST:
        name, argument = directive.group(1).lower(), directive.group(2).strip()
        title = "" if name in ("figure", "list-table") else argument or name.partition(":")[2] or name.capitalize()
        inner = _clean("\n".join(_without_options(body)), is_mdx, depth + 1)
        return "\n".join(filter(None, [f"**{without_marks(title)}**\n" if title else "", inner]))
    if directive and directive.group(1) in _CODE_BLOCKS:
        language, body = directive.group(2).split(" ")[0].replace("ipython3", "python"), _without_options(body)
    elif info.startswith("{"):
        language_match = _LANGUAGE.match(info)
        language = language_match.group(1) if language_match else ""
        while body and _OPTION.match(body[0]):
            body = body[1:]
    else:
        language = info
    closing = [f"{re.sub(r'[^ >]', ' ', indent)}{mark}"]
    return "\n".join([f"{indent}{mark}{language}", *body, *closing])


def _without_options(lines: list[str]) -> list[str]:
    """Return the lines of a MyST directive after its options: `:name: value` lines, or YAML between `---`."""
    if lines and lines[0].strip() == "---":
        for index in range(1, len(lines)):
            if lines[index].strip() == "---":
                return lines[index + 1 :]
    index = 0
    while index < len(lines) and re.match(r"[ \t>]*:[\w-]+:(?:\s|\Z)", lines[index]):
        index += 1
    return lines[index:]


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
    """Convert admonitions and tabs of MkDocs to a bold title and text that is not indented."""
    if not any(line.lstrip().startswith(("!!!", "???", "===", "{% highlight", "{%- highlight")) for line in lines):
        return lines
    converted: list[str] = []
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
            converted.append(f"```{highlight.group(1) or ''}")
            continue
        may_begin = not fence and len(indents) < _DEEPEST and len(line) <= _LONGEST_MARK_LINE
        container = _CONTAINER.match(line) if may_begin else None
        if container and (container.group(2) or container.group(3)):
            indents.append((indents[-1] if indents else 0) + len(container.group(1)) + 4)
            kind = (container.group(2) or "").split(" ")[0]
            title = container.group(3) if container.group(3) is not None else kind.capitalize()
            converted += ["", f"**{title}**", ""] if title else [""]
        else:
            converted.append(line)
    return converted


def _lines_of_text(lines: list[str], is_mdx: bool) -> list[str]:
    if is_mdx:
        lines = _without_modules(lines)
    converted: list[str] = []
    for line in lines:
        stripped = line.strip()
        if stripped[:3] == ":::":
            converted += _div(line)
        elif stripped[:1] in ("{", "[", "$") and _is_dropped(line):
            if stripped.startswith("{:toc") and converted and re.fullmatch(r"\s*(?:[-*+]|1\.)\s.*", converted[-1]):
                converted.pop()
            elif (titles := _TITLE_ATTRIBUTE.findall(line)) and stripped.startswith("{{"):
                converted += [" ".join(titles)]
        elif (setext := _SETEXT.match(line)) and _is_title(converted):
            title = _HEADING_ATTRIBUTES.sub("", converted.pop()).strip()
            converted += [f"{'#' if setext.group(1)[0] == '=' else '##'} {title}"]
        elif stripped[:2] == "$$" and stripped[-1:] == "}":
            converted.append(_FORMULA_LABEL.sub("$$", line))
        elif stripped[:2] == ": " and stripped[-1:] == "}":
            converted.append(_HEADING_ATTRIBUTES.sub("", line))
        elif stripped[:1] == "#":
            converted.append(_HEADING_ATTRIBUTES.sub("", line) if _HEADING.match(line) else line)
        else:
            converted.append(line)
    return converted


def _is_dropped(line: str) -> bool:
    patterns = (_ATTRIBUTE_LINE, _TABLE_OF_CONTENTS, _COMMENT_LINE, _EMBEDDED, _LIQUID)
    return any(pattern.match(line) for pattern in patterns)


def _is_title(lines: list[str]) -> bool:
    """Return whether the last line is a paragraph, so that a line of dashes under it makes it a heading."""
    if not lines or not lines[-1].strip() or _NO_SETEXT.match(lines[-1]):
        return False
    return len(lines) == 1 or not lines[-2].strip() or bool(_HEADING.match(lines[-2]))


def _div(line: str) -> list[str]:
    """Return the title of a fenced div in bold, between blank lines; empty if the line has no title."""
    div = _DIV.match(line[:300])
    if not div or line.strip(" \t>:") == "":
        return []
    attribute = _TITLE_ATTRIBUTE.search(div.group(1))
    title = div.group(2) or (attribute.group(1) if attribute else "") or div.group(3).strip("{}")
    title = "" if title.startswith((".", "#")) or "=" in title else title
    return ["", f"**{title.strip()}**", ""] if title.strip() else []


def _without_modules(lines: list[str]) -> list[str]:
    """Remove JavaScript imports and exports that begin at the start of a line."""
    kept_lines: list[str] = []
    depth = 0
    for line in lines:
        if depth > 0:
            depth += _open_brackets(line)
        elif _IMPORT.match(line) or _EXPORT.match(line):
            depth = _open_brackets(line)
        else:
            kept_lines.append(line)
    return kept_lines if depth <= 0 else [line for line in lines if not _IMPORT.match(line) and not _EXPORT.match(line)]


def _open_brackets(line: str) -> int:
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
    """Converts text outside fences, in a single pass from left to right."""

    def __init__(self, text: str, is_mdx: bool, components: frozenset[str]) -> None:
        self._text = text
        self._is_mdx = is_mdx
        self._components = components
        self._out: list[str] = []
        # Offsets of runs of backticks, by length of the run.
        self._runs: dict[int, list[int]] | None = None
        # Marks that do not occur in the rest of the text.
        self._lacking: set[str] = set()
        self._blank_lines: list[int] | None = None
        self._line_end = -1
        self._is_row = False
        self._element_ends: dict[int, int] | None = None

    def converted(self) -> str:
        position = 0
        while token := _TOKEN.search(self._text, position):
            self._out.append(self._text[position : token.start()])
            position = self._token(token.group(0), token.start(), token.end())
        self._out.append(self._text[position:])
        return "".join(self._out)

    def _token(self, token: str, start: int, end: int) -> int:
        """Write the conversion of a token, and return the offset at which reading continues."""
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

    def _find(self, mark: str, start: int) -> int:
        """Return the offset of the next occurrence of a mark, or -1; a mark that is missing is searched only once."""
        if mark in self._lacking:
            return -1
        offset = self._text.find(mark, start)
        if offset < 0:
            self._lacking.add(mark)
        return offset

    def _has_blank_line(self, start: int, end: int) -> bool:
        if self._blank_lines is None:
            self._blank_lines = [match.start() for match in re.finditer(r"\n(?=[ \t]*\n)", self._text)]
        index = bisect_left(self._blank_lines, start)
        return index < len(self._blank_lines) and self._blank_lines[index] < end

    def _code(self, token: str, start: int, end: int) -> int:
        if self._runs is None:
            self._runs = {}
            for run in re.finditer(r"`+", self._text):
                self._runs.setdefault(run.end() - run.start(), []).append(run.start())
        run_starts = self._runs.get(len(token), [])
        index = bisect_right(run_starts, start)
        close = run_starts[index] if index < len(run_starts) else -1
        if close < 0 or self._has_blank_line(start, close):
            self._out.append(token)
            return end
        code = self._text[start : close + len(token)]
        role = _ROLE.search(self._out[-1][-40:]) if self._out else None
        if role:
            self._out[-1] = self._out[-1][: -len(role.group(0))]
            code = _role_text(role.group(1), self._text[end:close])
        self._out.append(code)
        return close + len(token)

    def _formula(self, token: str, start: int, end: int) -> int:
        if token == "$$":
            close = self._find("$$", end)
            if close >= 0:
                self._out.append(_unescaped_formula(self._text[start : close + 2]))
                return close + 2
        else:
            quoted = _QUOTED_MATH.match(self._text, start)
            formula = quoted or _INLINE_MATH.match(self._text, start)
            if formula:
                self._out.append(_unescaped_formula(f"${quoted.group(1)}$" if quoted else formula.group(0)))
                return formula.end()
        self._out.append(token)
        return end

    def _bracketed(self, token: str, end: int) -> int:
        r"""Convert a formula in `\(…\)` or `\[…\]`; without a formula between them they are escaped brackets."""
        is_display = token[-1] == "["
        closing = token[:-1] + ("]" if is_display else ")")
        close = self._find(closing, end)
        beginning = self._text[end : min(close, end + 2000)] if close >= 0 else ""
        if not beginning or not _FORMULA.search(beginning) or (not is_display and self._has_blank_line(end, close)):
            self._out.append(token)
            return end
        mark = "$$" if is_display else "$"
        formula = self._text[end:close]
        self._out.append(_unescaped_formula(f"{mark}{formula if is_display else formula.strip()}{mark}"))
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
            attributes = _INLINE_ATTRIBUTES.match(self._text, start)
            if attributes:
                return attributes.end()
        self._out.append(token)
        return end

    def _wiki_link(self, token: str, start: int, end: int) -> int:
        link = _WIKI_LINK.match(self._text, start)
        before = self._text[start - 1 : start]
        is_index = before.isalnum() or before in ("_", "]", ")")
        if not link or is_index or re.fullmatch(r"[\d\s,.;+-]+", link.group(2)):
            self._out.append(token)
            return end
        if not link.group(1):
            self._out.append(link.group(3) or link.group(2).replace("#", " > ").strip(" >"))
        return link.end()

    def _element(self, start: int, end: int) -> int:
        if self._text.startswith("<!--", start):
            close = self._find("-->", start + 4)
            if close >= 0:
                return close + 3
        tag = (_JSX_TAG if self._is_mdx else _TAG).match(self._text, start)
        name = tag.group(2) if tag else ""
        is_closing = bool(tag and tag.group(1))
        is_single = bool(tag and tag.group(3).rstrip().endswith("/"))
        is_known = name.lower() in _KNOWN_TAGS
        is_component = name in self._components or is_single or (self._is_mdx and name[:1].isupper())
        if not tag or not (is_known or is_component or (self._is_mdx and not name)):
            self._out.append("<")
            return end
        element_end = 0 if is_closing or is_single else self._after_element(name.lower(), tag)
        if element_end:
            return element_end
        self._write_tag(name.lower() if is_known else "", is_closing, tag.group(3), start)
        is_skipped = name.lower() in ("script", "style", "svg") and not is_closing and not is_single
        close = self._find(f"</{name}>", tag.end()) if is_skipped else -1
        return close + len(name) + 3 if close >= 0 else tag.end()

    def _after_element(self, name: str, opening: re.Match[str]) -> int:
        """Return the offset after a MathML formula, which is written, or after hidden text; 0 for other elements."""
        is_formula = name == "math"
        if not is_formula and not _is_hidden(name, opening.group(3)):
            return 0
        if self._element_ends is None:
            self._element_ends = _element_ends(self._text)
        end = self._element_ends.get(opening.start(), 0)
        if is_formula and end:
            formula = _mathml_to_latex(self._text[opening.start() : end])
            if not formula:
                return 0
            is_block = _BLOCK_FORMULA.search(opening.group(3)) and not self._in_row(opening.start())
            self._out.append(f"\n\n$${formula}$$\n\n" if is_block else f"${formula}$")
        return end

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

    def _in_row(self, offset: int) -> bool:
        """Return whether an offset is in a line that is a row of a table."""
        if offset > self._line_end:
            start = self._text.rfind("\n", max(self._line_end, 0), offset) + 1
            self._line_end = self._text.find("\n", offset)
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
# Elements without content, which have no closing tag.
_VOID = frozenset("area base basefont br col embed hr img input link meta source track wbr".split())


def _is_hidden(name: str, attributes: str) -> bool:
    """Return whether an element is hidden from readers by its attributes."""
    if name in _VOID or not attributes.strip():
        return False
    return bool(_HIDDEN.search(attributes) or _HIDDEN_ATTRIBUTE.search(_QUOTED.sub("''", attributes)))


def _element_ends(text: str) -> dict[int, int]:
    """Return the offset after the closing tag of each element, by the offset of its opening tag."""
    ends: dict[int, int] = {}
    unclosed: dict[str, list[int]] = {}
    for tag in _TAG.finditer(text):
        name = tag.group(2).lower()
        if tag.group(1):
            if unclosed.get(name):
                ends[unclosed[name].pop()] = tag.end()
        elif name not in _VOID and not tag.group(3).rstrip().endswith("/"):
            unclosed.setdefault(name, []).append(tag.start())
    return ends


def _mathml_to_latex(markup: str) -> str:
    """Return the LaTeX of a `math` element; empty if the element is empty or too long."""
    from lxml import etree

    if len(markup) > _LONGEST_FORMULA:
        return ""
    root = etree.fromstring(markup, etree.HTMLParser(recover=True))
    math = root.find(".//math") if root is not None else None
    return " ".join(tex_of(math).split()) if math is not None else ""


def _attribute(pattern: re.Pattern[str], attributes: str) -> str:
    match = pattern.search(attributes)
    return (match.group(1) or match.group(2) or "").strip() if match else ""


def _unescaped(entity: str) -> str:
    text = html.unescape(entity)
    return " " if text == "\u00a0" else text


def _unescaped_formula(text: str) -> str:
    """Return a formula with the HTML entities of `<`, `>` and `&` replaced."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if "&" in text else text


def _role_text(role: str, content: str) -> str:
    """Return the text of a MyST role such as {math}`x`."""
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


# --- HTML elements with rows or code


def _pre(text: str) -> str:
    """Convert a `pre` element to a fence, and keep the text before and after it."""
    element = re.match(r"(?is)(.*?)<pre\b[^>]*>(.*)</pre[^>]*>(.*)", text)
    if not element:
        return text
    language = re.search(r"(?:language|lang|highlight-source)-([\w+#]+)|\blang=\"([\w+#]+)\"", text[:500])
    code = html.unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", element.group(2))).strip("\n")
    name = (language.group(1) or language.group(2)) if language else ""
    return "\n".join(part for part in (element.group(1).strip(), fenced(code, name), element.group(3).strip()) if part)


def _html_table(text: str, is_mdx: bool, components: frozenset[str]) -> str:
    """Convert an HTML table to rows; the cells of a table with fences are put below one another instead."""
    if "```" in text or "~~~" in text:
        spaced = re.sub(r"</?(?:td|th|tr|table|thead|tbody)\b[^<>]*>", "\n\n", text, flags=re.IGNORECASE)
        return "\n".join(
            "\n".join(segment.lines)
            if segment.kind != "text"
            else _Inline("\n".join(segment.lines), is_mdx, components).converted()
            for segment in _segments(spaced.split("\n"))
        )
    rows: list[list[str]] = []
    spans: list[list[tuple[int, int]]] = []
    outside: list[str] = []
    position = depth = 0
    for tag in _TAG.finditer(text):
        name = tag.group(2).lower()
        if name not in ("table", "tr", "td", "th", "caption"):
            continue
        _add_text(text[position : tag.start()], rows if depth else [], outside)
        position = tag.end()
        if name == "table":
            depth = max(0, depth + (-1 if tag.group(1) else 1))
        elif name == "tr" and not tag.group(1) and depth == 1:
            rows.append([])
            spans.append([])
        elif name in ("td", "th") and not tag.group(1) and depth == 1:
            rows, spans = rows or [[]], spans or [[]]
            rows[-1].append("")
            spans[-1].append((_span("colspan", tag.group(3)), _span("rowspan", tag.group(3))))
    outside.append(text[position:])
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
    match = re.search(rf"\b{name}\s*=\s*[\"'{{]*(\d{{1,4}})", attributes, re.IGNORECASE)
    return int(match.group(1)) or 1 if match else 1
