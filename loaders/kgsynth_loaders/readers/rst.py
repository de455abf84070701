"""Read reStructuredText with the roles and directives of Sphinx by docutils; reads no other files and runs no code."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Remark
from kgsynth_loaders import front_matter
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.markdown import Cell, code_span, fenced, first_heading, spread, table
from kgsynth_loaders.readers.plain import read_text

# Maximum characters of a paragraph with marks, because the parser's time grows with the square of the length.
_LONGEST_PARAGRAPH = 20_000
_LONGEST_LINES = 100_000
_DEEPEST_INDENT = 1000
_BEGINS = re.compile(r"[ \t]*(?:[-*+|]|\d+\.|\.\.)(?:[ \t]|\Z)")
_RULE = re.compile(r"[^\w\s]{1,3}[ \t]*\Z")
_MOST_RULES = 200
# Maximum numbers of elements for which the parser's time grows with the square of their number.
_MOST_DEFINITIONS = 2000
_DEFINITION = re.compile(r"[ \t]*\.\.[ \t]+[|\[]")
_MOST_EMPTY_BLOCKS = 3000
_MOST_LINES, _SHORT_LINE = 20_000, 10
_MOST_COLUMNS = 300
_MARK = re.compile(r"[*`|_\[]")
_LICENSE = re.compile(
    r"licen[cs]e|creative commons|\bCC[ -]?(?:BY|0)|public domain|\bGFDL\b|\bMIT\b|\bBSD\b|\bGPL", re.IGNORECASE
)
Nodes = Any  # Nodes of docutils, whose type annotations cannot be used here.


def read(path: Path, options: ReadOptions) -> Iterator[Document | Remark]:
    """Yield the text of the file; if it cannot be parsed, a remark and the unchanged text.

    Raises:
        RecordError: the bytes are no text, or the text is blank.
    """
    import docutils  # noqa: F401

    file = read_text(path, options)
    yield from file.remarks()
    source = file.text.replace("\f", "\n")
    problem = _problem(source)
    writer = _Writer()
    if not problem:
        try:
            text = writer.converted(_parsed(source))
        except RecursionError:
            problem = "blocks are nested too deeply"
    if problem:
        yield Remark(position=Position(source=""), text=f"read as plain text: {problem}")
        text = source.strip()
    if not text:
        raise RecordError("no text")
    fields = front_matter.fields(writer.declared)
    metadata = {**fields.pop("metadata"), **file.metadata()}
    title = fields.pop("title", "") or ("" if problem else first_heading(text))
    yield Document(id="", text=text, title=title, metadata=metadata, **fields)


def _problem(source: str) -> str:
    """Return the reason why the parser would take too long; empty if it would not."""
    lines = source.split("\n")
    if len(lines) > _MOST_LINES and len(source) < len(lines) * _SHORT_LINE:
        return f"more than {_MOST_LINES} lines, and most of them short"
    if sum(1 for line in lines if _DEFINITION.match(line)) > _MOST_DEFINITIONS:
        return f"more than {_MOST_DEFINITIONS} notes and substitutions"
    if _empty_blocks(lines) > _MOST_EMPTY_BLOCKS:
        return f"more than {_MOST_EMPTY_BLOCKS} marks of literal blocks without a block"
    length = last_indent = rules = 0
    for line in lines:
        if max(line.count("+-"), line.count("+=")) > _MOST_COLUMNS:
            return f"a table of more than {_MOST_COLUMNS} columns"
        indent = len(line) - len(line.lstrip())
        if indent > _DEEPEST_INDENT:
            return "lines that are indented too far"
        rules = rules + 1 if _RULE.match(line) else 0
        if rules > _MOST_RULES:
            return "too many rules below one another"
        is_new_block = not line.strip() or indent != last_indent or _BEGINS.match(line)
        length = len(line) if is_new_block else length + len(line)
        last_indent = indent
        if length > _LONGEST_LINES or (length > _LONGEST_PARAGRAPH and _MARK.search(line)):
            return f"a paragraph of more than {_LONGEST_PARAGRAPH} characters"
    return ""


def _empty_blocks(lines: list[str]) -> int:
    """Return the number of lines that end with `::` and are not followed by a line with a deeper indent."""
    count = 0
    open_indent = -1
    for line in lines:
        stripped = line.strip()
        if not stripped:
            continue
        indent = len(line) - len(line.lstrip())
        count += open_indent >= 0 and indent <= open_indent
        open_indent = indent if stripped.endswith("::") else -1
    return count


def _parsed(source: str) -> Nodes:
    from docutils.core import publish_doctree

    _register(source)
    settings = {
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "_disable_config": True,
        "report_level": 5,
        "halt_level": 6,
        "warning_stream": io.StringIO(),
        "input_encoding": "unicode",
        "line_length_limit": len(source) + 1,
        "syntax_highlight": "none",
        "smart_quotes": False,
        "traceback": True,
        "doctitle_xform": True,
        "sectsubtitle_xform": False,
    }
    return publish_doctree(source, settings_overrides=settings)


# --- Roles and directives

_CODE = frozenset(
    "code code-block sourcecode parsed-literal ipython jupyter-execute testcode doctest prompt plot code-cell "
    "testsetup "
    "graphviz digraph graph mermaid uml productionlist ipython3 console bash runblock exec_code "
    "testoutput jupyter-input jupyter-output pyodide nbplot try_examples".split()
)
_LANGUAGES = {
    "ipython": "python", "jupyter-execute": "python", "testcode": "python", "doctest": "python", "plot": "python",
    "testsetup": "python", "code-cell": "python", "graphviz": "dot", "digraph": "dot", "graph": "dot",
    "mermaid": "mermaid",
    "ipython3": "python", "console": "console", "bash": "bash",
}  # fmt: skip
_DROPPED = frozenset(
    "toctree contents index include literalinclude highlight currentmodule module image raw sectnum section-numbering "
    "tabularcolumns bibliography automodule autoclass autofunction automethod autosummary autodata autoattribute "
    "autoexception autoenum automodapi program default-domain testcleanup header footer video youtube "
    "target-notes sectionauthor codeauthor py:currentmodule py:module title default-role minigallery "
    "inheritance-diagram restructuredtext-test-directive".split()
)
_OBJECTS = re.compile(
    r"(?:(?:py|c|cpp|js|rst|std):)?(?:function|class|method|attribute|data|exception|classmethod|staticmethod|property|"
    r"decorator|decoratormethod|member|macro|struct|union|enum|enumerator|type|var|alias|directive|role|option|envvar|"
    r"cmdoption|confval|describe|object|opcode|pdbcommand|2to3fixer)\Z"
)
_VERSIONS = {
    "versionadded": "New in version", "versionchanged": "Changed in version", "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}  # fmt: skip
_STANDARD_DIRECTIVES = frozenset(
    "attention caution danger error hint important note tip warning admonition sidebar topic figure table "
    "csv-table list-table replace unicode date meta class role rubric line-block compound footer".split()
)
_ROLE = re.compile(r":([A-Za-z][\w:.+-]*):(?=`)|`:([A-Za-z][\w:.+-]*):")
_DIRECTIVE = re.compile(r"^[ \t]*\.\.[ ]+(?:\|[^|\n]+\|[ ]+)?([A-Za-z0-9][\w:.+-]*)[ ]?::", re.MULTILINE)
_PLAIN_ROLES = frozenset(
    "ref doc term numref abbr dfn menuselection guilabel title-reference any keyword token download eq external "
    "index manpage regexp sphinx issue pr user std:ref std:doc std:term"
    " mailheader newsgroup citation-title".split()
)
_NO_TEXT_ROLES = frozenset(
    "cite cite:p cite:t cite:ct cite:cts cite:ps footcite footcite:p footcite:t eq raw-html".split()
)
_STANDARD_ROLES = frozenset(
    "emphasis strong literal subscript sub superscript sup math code title-reference title t pep-reference pep "
    "rfc-reference rfc raw restructuredtext-unimplemented-role".split()
)
_TARGET = re.compile(r"\A(.+?)\s*<[^<>]*>\Z", re.DOTALL)


def _register(source: str) -> None:
    """Register every role and directive of a source with docutils, so that their text is not lost as an error."""
    from docutils.parsers.rst import directives, roles

    for match in _ROLE.finditer(source):
        name = (match.group(1) or match.group(2)).lower()
        if name not in _STANDARD_ROLES:
            roles.register_local_role(name, _role)
    directive = _directive_class()
    used_names = {match.group(1).lower() for match in _DIRECTIVE.finditer(source)}
    # docutils looks up a directive with several names under its first name, so these names are registered too.
    for name in used_names | {"raw", "include", "image", "math", "code", "contents"}:
        if name not in _STANDARD_DIRECTIVES:
            directives.register_directive(name, directive)


def _role(
    name: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = None
) -> Any:
    from docutils import nodes, utils

    del lineno, inliner, options, content
    text = utils.unescape(text)
    if name in _NO_TEXT_ROLES:
        return [], []
    target = _TARGET.match(text)
    shown = target.group(1) if target else text
    base = name.rpartition(":")[2]
    if base in ("ref", "numref", "doc") and not target:
        return [nodes.inline(rawtext, shown, label=shown, kind=base)], []
    if name in _PLAIN_ROLES or base in _PLAIN_ROLES:
        return [nodes.inline(rawtext, shown)], []
    shown = (
        shown.lstrip("!") if target else re.sub(r"\A[!~]+(?:.*\.)?(?=.)" if text.startswith("~") else r"\A!", "", shown)
    )
    return [nodes.literal(rawtext, shown)], []


def _directive_class() -> Any:
    from docutils.parsers.rst import Directive, directives

    class _AnyOption(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            return directives.unchanged

    class _Any(Directive):  # type: ignore[misc]
        """A directive of any name, whose text becomes code, a formula or paragraphs."""

        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = _AnyOption({"class": directives.unchanged})

        def run(self) -> list[Any]:
            return _run(self)

    return _Any


def _run(directive: Any) -> list[Any]:
    from docutils import nodes

    name = directive.name.lower()
    argument = (directive.arguments or [""])[0]
    content = "\n".join(directive.content)
    if name in _DROPPED:
        return _image(directive) if name == "image" else []
    if name == "math":
        formula = "\n\n".join(part for part in (argument, content) if part)
        return [nodes.math_block(formula, part) for part in re.split(r"\n[ \t]*\n", formula) if part.strip()]
    if name in _CODE:
        return _code(directive, name, argument, content)
    converted: list[Any] = []
    text_nodes, messages = directive.state.inline_text(argument, directive.lineno) if argument else ([], [])
    if name in _VERSIONS and argument:
        converted.append(_version(directive, name, argument))
    elif _OBJECTS.match(name):
        signatures = [line.strip() for line in argument.split("\n") if line.strip()]
        converted += [
            nodes.paragraph("", "", nodes.literal("", signature.replace("\\", ""))) for signature in signatures
        ]
    elif argument and name in ("rubric", "centered", "tab", "tab-item", "dropdown", "card", "grid-item-card"):
        converted.append(nodes.paragraph("", "", nodes.strong("", "", *text_nodes)))
    elif argument and name not in ("only", "container", "rst-class", "cssclass", "hlist", "ifconfig"):
        converted.append(nodes.paragraph("", "", *text_nodes))
    elif name == "seealso":
        converted.append(nodes.paragraph("", "", nodes.strong("", "See also")))
    if content.strip():
        node = nodes.container()
        directive.state.nested_parse(directive.content, directive.content_offset, node, match_titles=1)
        converted += node.children
    return [*converted, *messages]


def _version(directive: Any, name: str, argument: str) -> Any:
    """Return the paragraph of a directive such as `.. versionadded:: 1.2` with the text on the same line."""
    from docutils import nodes

    number, *rest = argument.split(maxsplit=1)
    words, _ = directive.state.inline_text(rest[0], directive.lineno) if rest else ([], [])
    prefix = f"{_VERSIONS[name]} {number}{': ' if words else ''}"
    return nodes.paragraph("", "", nodes.Text(prefix), *words)


def _image(directive: Any) -> list[Any]:
    """Return no nodes, or the alternative text of an image in a substitution."""
    from docutils import nodes

    alternative_text = directive.options.get("alt", "")
    is_substitution = directive.state.__class__.__name__ == "SubstitutionDef"
    return [nodes.Text(alternative_text)] if is_substitution and alternative_text else []


def _code(directive: Any, name: str, argument: str, content: str) -> list[Any]:
    from docutils import nodes

    language = argument.split("\n")[0].strip() if name in ("code", "code-block", "sourcecode", "code-cell") else ""
    language = language.replace("ipython3", "python") or _LANGUAGES.get(name, "")
    if not content.strip():
        return [nodes.literal_block(argument, argument, language="")] if argument and name == "parsed-literal" else []
    caption = directive.options.get("caption", "")
    block = nodes.literal_block(content, content, language=language)
    return [nodes.paragraph("", caption), block] if caption else [block]


# --- Writing

_ADMONITIONS = {
    "attention": "Attention", "caution": "Caution", "danger": "Danger", "error": "Error", "hint": "Hint",
    "important": "Important", "note": "Note", "tip": "Tip", "warning": "Warning",
}  # fmt: skip
_INLINE_MARKS = {"emphasis": ("*", "*"), "strong": ("**", "**"), "subscript": ("_{", "}"), "superscript": ("^{", "}")}
_SKIPPED = frozenset(
    "comment substitution_definition target pending image raw meta system_message title subtitle label "
    "index generated topic-contents".split()
)
_BODY = frozenset("section document container compound block_quote admonition topic sidebar figure legend".split())


class _Writer:
    """Converts a docutils document to Markdown, and collects the fields that the document declares in `declared`."""

    def __init__(self) -> None:
        self.declared: dict[str, Any] = {}
        self._document: Nodes = None

    def converted(self, document: Nodes) -> str:
        self._document = document
        title = document.next_node(_kind("title"), descend=True, siblings=False)
        has_title = title is not None and title.parent is document
        parts = [f"# {self._inline(title)}"] if has_title else []
        subtitle = document.next_node(_kind("subtitle"))
        if subtitle is not None and subtitle.parent is document:
            parts.append(f"## {self._inline(subtitle)}")
        parts += self._blocks(document, 1 if has_title else 0)
        return re.sub(r"\n{3,}", "\n\n", "\n\n".join(part for part in parts if part.strip())).strip()

    def _blocks(self, node: Nodes, level: int) -> list[str]:
        return [text for child in node.children if (text := self._block(child, level))]

    def _block(self, node: Nodes, level: int) -> str:
        kind = node.__class__.__name__
        handler: Callable[[Nodes, int], str] | None = getattr(self, f"_{kind}", None)
        if handler:
            return handler(node, level)
        if kind == "system_message":
            blocks = [child.astext() for child in node.children if child.__class__.__name__ == "literal_block"]
            return "\n\n".join(blocks)
        if kind in _SKIPPED:
            return ""
        if kind in _ADMONITIONS:
            return "\n\n".join([f"**{_ADMONITIONS[kind]}**", *self._blocks(node, level)])
        if kind in ("admonition", "topic", "sidebar"):
            if "contents" in node.get("classes", []):
                return ""
            titles = [f"**{self._inline(child)}**" for child in node.children if child.__class__.__name__ == "title"]
            return "\n\n".join([*titles, *self._blocks(node, level)])
        if kind in _BODY:
            return "\n\n".join(self._blocks(node, level))
        return self._inline(node)

    def _section(self, node: Nodes, level: int) -> str:
        title = next((child for child in node.children if child.__class__.__name__ == "title"), None)
        head = f"{'#' * min(6, level + 1)} {self._inline(title)}" if title is not None else ""
        return "\n\n".join([head, *self._blocks(node, level + 1)])

    def _paragraph(self, node: Nodes, level: int) -> str:
        return self._inline(node).strip()

    def _literal_block(self, node: Nodes, level: int) -> str:
        classes = [name for name in node.get("classes", []) if name != "code"]
        return fenced(
            node.astext(), node.get("language") or (classes[0] if "code" in node.get("classes", []) and classes else "")
        )

    def _doctest_block(self, node: Nodes, level: int) -> str:
        return fenced(node.astext(), "python")

    def _math_block(self, node: Nodes, level: int) -> str:
        formula = "\n".join(line.strip() for line in node.astext().split("\n") if line.strip())
        if r"\\" in formula and r"\begin" not in formula:
            formula = f"\\begin{{aligned}}\n{formula}\n\\end{{aligned}}"
        return f"$$\n{formula}\n$$" if "\n" in formula else f"$${formula}$$"

    def _bullet_list(self, node: Nodes, level: int) -> str:
        return self._items(node, level, lambda number: "- ")

    def _enumerated_list(self, node: Nodes, level: int) -> str:
        start = int(node.get("start", 1))
        return self._items(node, level, lambda number: f"{start + number}. ")

    def _items(self, node: Nodes, level: int, mark: Callable[[int], str]) -> str:
        lines = []
        for number, item in enumerate(node.children):
            item_mark = mark(number)
            inner = "\n\n".join(self._blocks(item, level)).replace("\n", "\n" + " " * len(item_mark))
            shown = "\n".join(line.rstrip() for line in f"{item_mark}{inner}".split("\n"))
            lines.append(shown if inner.strip() else "")
        return "\n".join(line for line in lines if line)

    def _definition_list(self, node: Nodes, level: int) -> str:
        parts = []
        for item in node.children:
            names = ("term", "classifier")
            term = " : ".join(self._inline(child) for child in item.children if child.__class__.__name__ in names)
            parts.append(f"**{term}**" if "`" not in term and "*" not in term else term)
            parts += [
                text
                for child in item.children
                if child.__class__.__name__ == "definition"
                for text in self._blocks(child, level)
            ]
        return "\n\n".join(parts)

    def _option_list(self, node: Nodes, level: int) -> str:
        lines = []
        for item in node.children:
            group, description = item.children[0], item.children[-1]
            lines.append(f"- `{group.astext()}`: {' '.join(self._blocks(description, level))}")
        return "\n".join(lines)

    def _line_block(self, node: Nodes, level: int) -> str:
        lines = [
            self._block(child, level) if child.__class__.__name__ == "line_block" else self._inline(child)
            for child in node.children
        ]
        return "\n".join(lines)

    def _field_list(self, node: Nodes, level: int) -> str:
        lines = []
        for item in node.children:
            name, body = item.children[0].astext(), "\n\n".join(self._blocks(item.children[1], level))
            lines.append(f"**{name}**: {body}" if body else f"**{name}**")
        return "\n\n".join(lines)

    def _docinfo(self, node: Nodes, level: int) -> str:
        """Collect the fields before the text as declared by the document."""
        for item in node.children:
            kind = item.__class__.__name__
            if kind == "authors":
                self.declared["authors"] = [child.astext() for child in item.children]
            elif kind == "field":
                self.declared[item.children[0].astext()] = item.children[1].astext()
            elif kind == "copyright":
                text = item.astext()
                self.declared[
                    "license" if _LICENSE.search(text) and "license" not in self.declared else "copyright_notice"
                ] = text
            elif kind == "author" and "author" in self.declared:
                authors = self.declared["author"]
                self.declared["author"] = [*(authors if isinstance(authors, list) else [authors]), item.astext()]
            else:
                self.declared[kind] = item.astext()
        return ""

    def _meta(self, node: Nodes, level: int) -> str:
        if node.get("name") and node.get("content"):
            self.declared.setdefault(node["name"], node["content"])
        return ""

    def _decoration(self, node: Nodes, level: int) -> str:
        return ""

    def _transition(self, node: Nodes, level: int) -> str:
        return "---"

    def _rubric(self, node: Nodes, level: int) -> str:
        return f"**{self._inline(node)}**"

    def _footnote(self, node: Nodes, level: int) -> str:
        label = next((child.astext() for child in node.children if child.__class__.__name__ == "label"), "")
        return f"[{label}] {' '.join(self._blocks(node, level))}"

    _citation = _footnote

    def _attribution(self, node: Nodes, level: int) -> str:
        return f"— {self._inline(node)}"

    def _figure(self, node: Nodes, level: int) -> str:
        return "\n\n".join(self._blocks(node, level))

    def _table(self, node: Nodes, level: int) -> str:
        titles = [self._inline(child) for child in node.children if child.__class__.__name__ == "title"]
        rows = []
        for row in node.findall(_kind("row")):
            cells: list[Cell] = []
            for entry in row.children:
                text = " ".join(" ".join(self._blocks(entry, level)).split())
                cells.append(Cell(text, int(entry.get("morecols", 0)) + 1, int(entry.get("morerows", 0)) + 1))
            rows.append(cells)
        return "\n\n".join(part for part in (*titles, table(spread(rows))) if part)

    # Inline

    def _inline(self, node: Nodes) -> str:
        return "".join(self._inline_part(child) for child in node.children)

    def _inline_part(self, node: Nodes) -> str:
        kind = node.__class__.__name__
        if kind == "Text":
            return str(node.astext())
        if kind == "literal":
            return code_span(node.astext())
        if kind == "math":
            return f"${' '.join(node.astext().split())}$"
        if kind in ("image", "target", "raw") and not node.children:
            return ""
        if kind == "footnote_reference":
            return f"[{node.astext()}]"
        if kind == "inline" and node.get("label"):
            return self._title_of(node)
        inner = self._inline(node)
        opening, closing = _INLINE_MARKS.get(kind, ("", ""))
        return f"{opening}{inner}{closing}" if inner else ""

    def _title_of(self, node: Nodes) -> str:
        """Return the title of the section that a label refers to, else the words of the label."""
        label = node["label"]
        if node.get("kind") == "doc":
            return re.sub(r"[_-]+", " ", label.rpartition("/")[2])
        identity = self._document.nameids.get(" ".join(label.lower().split()))
        target = self._document.ids.get(identity) if identity else None
        if target is not None and target.__class__.__name__ == "section":
            return self._inline(target.children[0])
        return re.sub(r"[_-]+", " ", label)


def _kind(name: str) -> Any:
    from docutils import nodes

    return getattr(nodes, name)
