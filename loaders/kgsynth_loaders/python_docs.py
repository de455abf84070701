"""Read the documentation of installed Python packages from docstrings with `ast`, without importing them.

A document is the prose of a public module, class or function, without code blocks, doctests, tables and reference
lists. Its topics are the titles of its module and of the packages around it.
"""

import ast
import importlib.metadata
import importlib.util
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import simplemma

from kgsynth.errors import ConfigError
from kgsynth.records import Document, Position, Reject
from kgsynth.settings import FieldNames
from kgsynth_loaders.names import human

_SKIPPED_FOLDERS = frozenset(
    {"tests", "testing", "test", "benchmarks", "conftest", "_build_utils", "externals", "_lib", "lib2to3"}
)
# Sections with lists, links or code, and without prose about the subject.
_SKIPPED_SECTIONS = frozenset(
    {
        "see also",
        "examples",
        "example",
        "references",
        "reference",
        "methods",
        "routine listings",
        "usage",
        "doctest",
        "links",
        "authors",
        "author",
    }
)
# Sections of `name : type` lines with prose below each line; only the prose is kept.
_FIELD_SECTIONS = frozenset(
    {
        "parameters",
        "other parameters",
        "returns",
        "return",
        "yields",
        "raises",
        "warns",
        "attributes",
        "args",
        "arguments",
        "keyword arguments",
        "returned value",
    }
)
# Names of modules that say how code is ordered, and nothing about its subject.
_GENERIC_NAMES = frozenset(
    "algorithms all api base basic builders classes codegen common containers convert core data decorator decorators "
    "exceptions expr facts function functions generators generic impl input iterables kind main miscellaneous misc "
    "module modules output parsing plot plotting printing product products readwrite report single small special "
    "state symbol system systems tools types util utilities utils".split()
)
_MAX_TITLE_WORDS = 6
_MIN_WORD_CHARS = 3
_MAX_TOPICS = 3


def documents(source: str, fields: FieldNames) -> Iterator[Document | Reject]:
    """Yield a document per docstring, in the order of files.

    Args:
        source: name of an installed package, for example `networkx`.
        fields: ignored.

    Raises:
        ConfigError: the package is not installed.
    """
    del fields
    root = _folder(source)
    license_name = _license(source)
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if _SKIPPED_FOLDERS.intersection(parts) or parts[-1].startswith("test_"):
            continue
        relative = Path(source, path.relative_to(root)).as_posix()
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError) as error:
            yield Reject(
                position=Position(source=relative), reason="not Python that this Python reads", raw=str(error)[:300]
            )
            continue
        modules = (source, *(part for part in parts if part != "__init__"))
        topics = _topics(root, modules)
        for name, node in _documented(tree, ".".join(modules)):
            text = prose(ast.get_docstring(node) or "")
            if text:
                yield Document(
                    id=name,
                    text=text,
                    title=_title(name, node),
                    topics=topics,
                    source=relative,
                    license=license_name,
                    attribution=f"{source} developers",
                    position=Position(source=relative, line=getattr(node, "lineno", 1)),
                )


def _folder(source: str) -> Path:
    try:
        spec = importlib.util.find_spec(source) if source.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"no Python package {source!r} is installed here",
            hint="Install it into this environment (the demo's packages: `pip install 'kgsynth[demo]'`).",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _license(source: str) -> str:
    try:
        fields = importlib.metadata.metadata(source)
    except importlib.metadata.PackageNotFoundError:
        return ""
    short = next((fields[name] for name in ("License-Expression", "License") if name in fields), "")
    if short and len(short) < 60:
        return short
    classified = [
        line.rpartition("::")[2].strip() for line in fields.get_all("Classifier") or [] if line.startswith("License")
    ]
    return classified[0] if classified else "see the package"


_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _documented(tree: ast.Module, module: str) -> Iterator[tuple[str, _Documented]]:
    """Yield public definitions with a docstring and their dotted names; of equal names only the first."""
    seen: set[str] = set()
    waiting: list[tuple[str, _Documented]] = [(module, tree)]
    while waiting:
        name, node = waiting.pop(0)
        if name not in seen and ast.get_docstring(node):
            seen.add(name)
            yield name, node
        inner = [
            (f"{name}.{child.name}", child)
            for child in node.body
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and not child.name.startswith("_")
        ]
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting = [*inner, *waiting]


def _title(name: str, node: _Documented) -> str:
    if isinstance(node, ast.Module):
        return human(name.rpartition(".")[2])
    return human(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rpartition(".")[2]))


def _topics(root: Path, modules: tuple[str, ...]) -> tuple[str, ...]:
    """Return titles of the module and its packages, innermost first, without generic names."""
    titles: list[str] = []
    for end in range(len(modules), 1, -1):
        path = root.joinpath(*modules[1:end])
        name = modules[end - 1]
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        title = _heading(file) or (human(name) if _is_subject(name) else "")
        if title and title.casefold() not in {known.casefold() for known in titles}:
            titles.append(title)
    return tuple(titles[:_MAX_TOPICS]) or (human(modules[0]),)


@cache
def _is_subject(name: str) -> bool:
    """Return whether the name of a module consists of English words, unlike `ecm`, and says what it is about."""
    words = human(name).split()
    is_english = all(len(word) >= _MIN_WORD_CHARS and simplemma.is_known(word, "en") for word in words)
    return not name.startswith("_") and is_english and not _GENERIC_NAMES.issuperset(words)


@cache
def _heading(file: Path) -> str:
    """Return the underlined heading at the start of a module's docstring if it is short enough for a title."""
    try:
        docstring = ast.get_docstring(ast.parse(file.read_bytes())) or ""
    except (OSError, SyntaxError, ValueError):
        return ""
    lines = [line.strip() for line in docstring.strip().splitlines()[:4]]
    if lines and re.fullmatch(r"([=\-*#~^])\1{2,}", lines[0]):
        lines = lines[1:]
    if len(lines) < 2 or not re.fullmatch(r"([=\-*#~^])\1{2,}", lines[1]):
        return ""
    title = re.sub(r"\(.*?\)", "", re.sub(r":\w+:", "", lines[0])).replace("`", "").strip(" .:*")
    words = title.split()
    return title if words and len(words) <= _MAX_TITLE_WORDS and "." not in title and "_" not in title else ""


def prose(docstring: str) -> str:
    """Return the prose of a docstring without code, doctests, directives, tables, reference lists and field lists.

    Roles and inline markup are replaced by their text; formulas are kept as LaTeX in `$…$`.
    """
    docstring = re.sub(r":math:`([^`]*)`", r"$\1$", inspect.cleandoc(docstring))
    prose_lines: list[str] = []
    lines = docstring.splitlines()
    skipped_section = in_fields = False
    block_indent: int | None = None  # of the line that opened a literal block or directive; deeper lines are skipped
    in_doctest = False
    for position, line in enumerate(lines):
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        following = lines[position + 1].strip() if position + 1 < len(lines) else ""
        if re.fullmatch(r"([=\-~^*#])\1{2,}", following) and stripped and len(following) >= min(len(stripped), 4) - 1:
            section = stripped.casefold().strip(" .:")
            skipped_section, in_fields = section in _SKIPPED_SECTIONS, section in _FIELD_SECTIONS
            block_indent, in_doctest = None, False
            prose_lines.append("")
            continue
        if re.fullmatch(r"([=\-~^*#+])\1{2,}", stripped) or skipped_section:
            continue
        if not stripped:
            in_doctest = False
            prose_lines.append("")
            continue
        if block_indent is not None:
            if indent > block_indent:
                continue
            block_indent = None
        if in_fields and not indent and not stripped.endswith("."):
            continue
        if stripped.startswith((">>>", "...", "In [", "Out[")):
            in_doctest = True
        if in_doctest or stripped.startswith(("|", "+--", "+==", ":param", ":return", ":type", ":rtype", "@")):
            continue
        if stripped.startswith(".. "):
            block_indent = indent
            continue
        if stripped.endswith("::"):
            block_indent = indent
            stripped = stripped[:-1]
        prose_lines.append(stripped)
    text = "\n".join(prose_lines)
    text = re.sub(r":[\w:]+:`~?([^`<]*?)\s*(?:<[^`>]*>)?`", r"\1", text)
    text = re.sub(r"``?([^`]*)``?_?_?", r"\1", text)
    text = re.sub(r"\[\w{1,8}\]_|\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
