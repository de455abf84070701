"""Python code in texts of models: which function a question asks for, and which programs and tests a text holds.

Nothing here executes code; `ast` parses it. A solution may use only what `refusal` lets through. That keeps careless
solutions from ending the program, from reading files and from changing the packages that tests compare with. It is no
barrier against code that hides what it does: the sandbox is that barrier.
"""

import ast
import re
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata

# Modules of the standard library without access to files, processes, network and the interpreter.
PURE_MODULES = frozenset(
    "abc array base64 binascii bisect calendar cmath collections copy csv dataclasses datetime decimal difflib enum "
    "fractions functools graphlib hashlib heapq html io ipaddress itertools json keyword locale math numbers operator "
    "pprint queue random re statistics string struct textwrap time typing unicodedata uuid zlib".split()
)
_ALWAYS = frozenset({"__future__", "typing"})

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_PYTHON_TAGS = frozenset({"", "python", "py", "python3", "pycon"})
_DEFINITION = re.compile(r"^(?:async[ ]+)?(def|class)[ ]+(\w+)", re.MULTILINE)
_INLINE_DEFINITION = re.compile(r"\b(def)[ ]+(\w+)[ ]*\(|\b(class)[ ]+(\w+)[ ]*[(:]")
_IMPORT_LINE = re.compile(r"^(?:import|from)[ ]+\w[^\n#]*", re.MULTILINE)
_STATED_IMPORTS = re.compile(
    r"^\W*(?:allowed|permitted) (?:imports?|modules?|packages?|libraries)\b[^\w\n]*([^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_ASSERT_LINE = re.compile(r"^[ \t]*(assert[ (][^\n]+)$", re.MULTILINE)

_REFUSED_CALLS = frozenset(
    "__import__ breakpoint compile delattr eval exec exit globals help input locals open quit vars".split()
)
_REFUSED_ATTRIBUTES = frozenset(
    "FileIO ag_frame builtins cr_frame ctypes f_back f_builtins f_globals f_locals gi_frame importlib inspect modules "
    "open os subprocess sys tb_frame tb_next".split()
)
# Special names that do not lead to the interpreter.
_SPECIAL_NAMES = frozenset(
    "abs add all and annotations bool call ceil class contains copy deepcopy delitem doc enter eq exit float floor "
    "floordiv format future ge getitem gt hash iadd iand imul index init int invert isub iter ior le len lt main "
    "matmul missing mod mul name ne neg new next or pos post_init pow qualname radd repr reversed rfloordiv rmod rmul "
    "round rpow rsub rtruediv setitem slots str sub truediv truediv xor".split()
)
# With these a result could call itself equal to everything. A question that asks for a class may need them.
_COMPARISONS = frozenset({"__eq__", "__ne__", "__bool__"})
_SPECIAL = re.compile(r"__(\w+?)__")
_MAX_CHARS = 20_000

IMPORT_REFUSED, CONSTRUCT_REFUSED = "an import that is not allowed", "a construct that is not allowed"
IMPORT_NOT_OFFERED = "an import that the question allows and the domain does not offer"
NO_CODE, NOT_PYTHON, NO_FUNCTION = "no code", "the code is not Python", "the function is not defined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a question asks for.

    Attributes:
        name: name of the function or class.
        is_class: whether it is a class.
        setup: imports that the question itself writes, which tests may rely on.
        modules: modules that a solution may import.
        not_offered: modules that the question allows, but the domain does not.
    """

    name: str
    is_class: bool
    setup: str
    modules: frozenset[str]
    not_offered: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The code of a vote; `problem` says why it is not usable, and is empty if it is."""

    program: str = ""
    problem: str = ""


@cache
def modules_of(distribution: str) -> frozenset[str]:
    """Return the top-level modules of an installed distribution; its name if it is not installed."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return frozenset({distribution.replace("-", "_")})
    packages = {file.parts[0] for file in files if len(file.parts) == 2 and file.name == "__init__.py"}
    modules = {file.name.removesuffix(".py") for file in files if len(file.parts) == 1 and file.suffix == ".py"}
    return frozenset(packages | modules)


def programs_in(text: str) -> list[str]:
    """Return the blocks of Python code of a text; the whole text if it has no fences and could be code."""
    blocks = [
        textwrap.dedent(block)
        for _, tag, block in _FENCED.findall(text)
        if tag.casefold() in _PYTHON_TAGS and block.strip()
    ]
    if not blocks and "```" not in text and tree_of(text) is not None:
        return [text]
    return blocks


def tree_of(program: str) -> ast.Module | None:
    """Return the syntax tree of a program; None if it is not valid, or too long to be parsed safely."""
    if len(program) > _MAX_CHARS:
        return None
    try:
        tree = ast.parse(program)
        compile(tree, "<text>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree


def asked_of(question: str, packages: Sequence[str]) -> Asked | None:
    """Return the function or class that a question asks for; None if it states none.

    It is the last definition at the beginning of a line of the first block of code that has one; else the first
    definition within the text.

    Args:
        question: text of the question.
        packages: distributions that programs may import.
    """
    for block in programs_in(question):
        definitions = _DEFINITION.findall(block)
        if definitions:
            kind, name = definitions[-1]
            return _asked(question, packages, name, kind == "class", block)
    inline = _INLINE_DEFINITION.search(question)
    if inline is None:
        return None
    kind, name = inline.group(1, 2) if inline.group(1) else inline.group(3, 4)
    return _asked(question, packages, name, kind == "class", "")


def _asked(question: str, packages: Sequence[str], name: str, is_class: bool, block: str) -> Asked:
    lines = [line for line in _IMPORT_LINE.findall(block) if tree_of(line) is not None]
    setup = "\n".join(lines)
    installed = frozenset[str]().union(*(modules_of(package) for package in packages))
    permitted = PURE_MODULES | installed
    stated = _STATED_IMPORTS.search(question)
    not_offered = frozenset[str]()
    if stated:
        words = {word.partition(".")[0] for word in re.findall(r"[A-Za-z_][\w.]*", stated.group(1))}
        if "standard library" in stated.group(1).casefold():
            words |= PURE_MODULES
        words |= {root for _, root in _imports(ast.parse(setup))}
        not_offered = frozenset(words - permitted)
        permitted &= words
    return Asked(
        name=name, is_class=is_class, setup=setup, modules=permitted | _ALWAYS, not_offered=not_offered - _ALWAYS
    )


def solution_in(text: str, asked: Asked) -> Solution:
    """Return the last block of code of a text that defines what the question asks for, and whether it is usable."""
    blocks = programs_in(text)
    if not blocks:
        return Solution(problem=NO_CODE)
    trees = [(block, tree_of(block)) for block in blocks]
    defining = [(block, tree) for block, tree in trees if tree is not None and _defines(tree, asked.name)]
    if not defining:
        parsed = any(tree is not None for _, tree in trees)
        return Solution(program=blocks[-1], problem=NO_FUNCTION if parsed else NOT_PYTHON)
    block, tree = defining[-1]
    return Solution(program=block, problem=refusal(tree, asked))


def _defines(tree: ast.Module, name: str) -> bool:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name:
            return True
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in node.targets
        ):
            return True
    return False


def refusal(tree: ast.Module, asked: Asked) -> str:
    """Return why a solution is not run; empty if it may run."""
    aliases = {alias for alias, _ in _imports(tree)}
    refused = {root for _, root in _imports(tree)} - asked.modules
    if refused:
        return IMPORT_NOT_OFFERED if refused <= asked.not_offered else IMPORT_REFUSED
    if any(_is_refused(node, aliases, asked) for node in ast.walk(tree)):
        return CONSTRUCT_REFUSED
    return ""


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name that each import binds, and the top-level module; a relative import has the module `.`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                yield alias.asname or root, root
        elif isinstance(node, ast.ImportFrom):
            root = "." if node.level else (node.module or "").partition(".")[0]
            for alias in node.names:
                yield alias.asname or alias.name, root


def _is_refused(node: ast.AST, aliases: Collection[str], asked: Asked) -> bool:
    match node:
        case ast.Attribute(attr=name):
            if isinstance(node.ctx, (ast.Store, ast.Del)) and _root(node) in aliases:
                return True
            return name in _REFUSED_ATTRIBUTES or not _is_harmless(name, asked)
        case ast.Name(id=name):
            return name in _REFUSED_CALLS or not _is_harmless(name, asked)
        case ast.Call(func=ast.Name(id="setattr"), args=[target, *_]):
            return _root(target) in aliases
        case ast.Call(func=ast.Name(id="type"), args=[_, _, *_]):
            return True
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return not _is_harmless(name, asked)
        case ast.ImportFrom(names=names):
            return any(alias.name in _REFUSED_ATTRIBUTES or not _is_harmless(alias.name, asked) for alias in names)
        case ast.Constant(value=str() as text):
            return not _is_harmless(text, asked)
        case _:
            return False


def _is_harmless(name: str, asked: Asked) -> bool:
    """Return whether a name or a text holds no special name that leads to the interpreter."""
    if not asked.is_class and name in _COMPARISONS:
        return False
    return all(found in _SPECIAL_NAMES for found in _SPECIAL.findall(name))


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def executable_lines(program: str) -> frozenset[int]:
    """Return the numbers of the lines within functions that can be executed; those of a line that only defines not."""
    try:
        codes = [compile(program, "<text>", "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    lines: set[int] = set()
    while codes:
        code = codes.pop()
        nested = [constant for constant in code.co_consts if hasattr(constant, "co_lines")]
        codes += nested
        for inner in nested:
            own = {line for _, _, line in inner.co_lines() if line}
            is_class_body = "__module__" in inner.co_names and "__qualname__" in inner.co_names
            lines |= set() if is_class_body else (own - {inner.co_firstlineno} or own)
    return frozenset(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertions:
    """The tests of a text: programs that raise an error if a solution is wrong, and what was not usable, by reason."""

    programs: tuple[str, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()


TEST_NOT_PYTHON, TEST_SURPLUS, NO_TESTS = "not Python", "more tests than are run", "no tests"


def assertions_in(text: str, asked: Asked, max_tests: int) -> Assertions:
    """Return the tests of a text: assert statements and functions `test_*`, each with what it needs from the text.

    Definitions of the asked function are left out, because they would replace the solution.
    """
    programs: list[str] = []
    broken: list[tuple[str, str]] = []
    for block in programs_in(text) or [text]:
        tree = tree_of(block)
        if tree is not None:
            programs += _tests(tree, asked)
            continue
        broken.append((TEST_NOT_PYTHON, block))
        lines = (tree_of(line) for line in _ASSERT_LINE.findall(block))
        programs += [ast.unparse(line) for line in lines if line is not None]
    programs = list(dict.fromkeys(programs))
    broken += [(TEST_SURPLUS, program) for program in programs[max_tests:]]
    if not programs and not broken:
        broken.append((NO_TESTS, text))
    return Assertions(programs=tuple(programs[:max_tests]), broken=tuple(broken))


def _tests(tree: ast.Module, asked: Asked) -> list[str]:
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
    helpers = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and _has_assert(node)}
    setup: list[ast.stmt] = []
    tests: list[tuple[int, list[ast.stmt]]] = []
    for node in tree.body:
        if node in functions or _is_dropped(node, asked):
            continue
        if _asserts(node) or _calls(node, helpers):
            tests.append((node.lineno, [*setup, node]))
        else:
            setup.append(node)
    for function in functions:
        if not function.args.args and _has_assert(function):
            call = ast.Expr(ast.Call(func=ast.Name(function.name, ast.Load()), args=[], keywords=[]))
            tests.append((function.lineno, [*setup, function, call]))
    tests.sort(key=lambda test: test[0])
    return [ast.unparse(ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))) for _, body in tests]


def _asserts(node: ast.stmt) -> bool:
    return not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and _has_assert(node)


def _has_assert(node: ast.stmt) -> bool:
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node))


def _calls(node: ast.stmt, names: Collection[str]) -> bool:
    """Return whether a statement is the call of one of these functions."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name in names
        case _:
            return False


def _is_dropped(node: ast.stmt, asked: Asked) -> bool:
    """Return whether a statement has no part in tests.

    These are definitions of the asked function, imports of modules that do not exist, calls such as `print` and
    `unittest.main`, and the block for the main program.
    """
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name == asked.name
        case ast.Import() | ast.ImportFrom():
            known = asked.modules | sys.stdlib_module_names
            imported = list(_imports(ast.Module(body=[node], type_ignores=[])))
            return any(root not in known or alias == asked.name for alias, root in imported)
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name == "print" or name.startswith("test")
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="unittest" | "doctest" | "pytest")))):
            return True
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case _:
            return False
