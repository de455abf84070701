"""Remove the definitions of macros from LaTeX source, and expand the macros where they are used."""

import re
from typing import NamedTuple

from kgsynth_loaders.readers.latex_macros import STRUCTURE, THEOREMS
from kgsynth_loaders.readers.latex_source import Source

# --- Definitions of the author

_DEFINES = re.compile(
    r"\\(?:(?P<new>(?:re)?newcommand|providecommand|DeclareRobustCommand|newrobustcmd"
    r"|(?:New|Renew|Provide|Declare)(?:Expandable)?DocumentCommand)\*?(?![A-Za-z])"
    r"|(?P<operator>DeclareMathOperator\*?)(?![A-Za-z])|(?P<theorem>(?:new|declare)theorem\*?)(?![A-Za-z])"
    r"|(?P<environment>(?:re)?newenvironment|(?:New|Renew|Provide|Declare)DocumentEnvironment)\*?(?![A-Za-z])"
    r"|(?P<let>let)\s*\\[A-Za-z@]+\s*=?\s*\\[A-Za-z@]+|(?:long\s*|global\s*|outer\s*)?\\?(?P<def>[egx]?def)\s*(?=\\))"
)
_DEF_HEAD = re.compile(r"\\([A-Za-z@]+|.)((?:#\d)*)[ \t]*\n?(?=\{)", re.DOTALL)
_MACRO_NAME = re.compile(r"[ \t]*\{?[ \t]*\\([A-Za-z@]+|[^\w\s])[ \t]*\}?", re.DOTALL)
_PROGRAM = re.compile(
    r"\\(?:expandafter|csname|futurelet|@?ifnextchar|newif|catcode|ifx|ifnum|loop|@ifstar|edef|noexpand|def)(?![A-Za-z])"
)
# Macros with which a body tests whether an argument is given.
_TESTS_ARGUMENT = re.compile(r"\\If(?:NoValue|Value|Boolean|Blank)")
_MAX_KINDS_CHARS = 500
_MAX_PASSES = 12
_MAX_ADDED_CHARS = 2_000_000


class Macro(NamedTuple):
    """A macro that the author defines.

    Attributes:
        body: the text that replaces the macro, with `#1` for its first argument.
        defaults: for each parameter, its value if it is not given in square brackets; None for a mandatory argument,
            `*` for an optional star.
    """

    body: str
    defaults: tuple[str | None, ...] = ()


def definitions_of(text: str) -> tuple[dict[str, Macro], dict[str, str], str]:
    """Return the author's macros, the titles of theorems by environment, and the text without these definitions."""
    source = Source(text)
    macros: dict[str, Macro] = {}
    theorems = dict(THEOREMS)
    pieces: list[str] = []
    position = 0
    while match := _DEFINES.search(text, position):
        end = _definition(source, match, macros, theorems)
        pieces.append(text[position : match.start()] if end > 0 else text[position : match.end()])
        position = end if end > 0 else match.end()
    pieces.append(text[position:])
    return macros, theorems, "".join(pieces)


def _definition(source: Source, match: re.Match[str], macros: dict[str, Macro], theorems: dict[str, str]) -> int:
    """Add a definition to `macros` or `theorems`; return the position after it, or 0 if it is not a definition."""
    if match.group("let"):
        return match.end()
    if match.group("theorem"):
        return _theorem(source, match.end(), theorems)
    if match.group("def"):
        head = _DEF_HEAD.match(source.text, match.end())
        body = source.group(head.end()) if head else None
        if head is None or body is None:
            # Macros with delimited parameters (`\def\a#1,#2{…}`) are not expanded. Their definitions are not prose, so
            # they are removed all the same.
            brace = source.text.find("{", match.end(), match.end() + 200)
            return source.pairs[brace] + 1 if brace in source.pairs else 0
        _keep(macros, head.group(1), Macro(body[0], (None,) * head.group(2).count("#")))
        return body[1]
    if match.group("environment"):
        position: int | None = match.end()
        for _ in range(4 if "Document" in match.group("environment") else 3):
            while position is not None and (option := source.option(position)):
                position = option[1]
            group = source.group(position) if position is not None else None
            position = group[1] if group else None
        return position or 0
    name = _MACRO_NAME.match(source.text, match.end())
    if not name:
        return 0
    defaults, start = _parameters(source, name.end(), is_document="Document" in match.group(0))
    body = source.argument(start)
    if body is None:
        return 0
    if defaults is None:
        macros.pop(name.group(1), None)
        return body[1]
    content = f"\\operatorname{{{body[0]}}}" if match.group("operator") else body[0]
    _keep(macros, name.group(1), Macro(content, defaults))
    return body[1]


def _parameters(source: Source, position: int, *, is_document: bool) -> tuple[tuple[str | None, ...] | None, int]:
    r"""Return the defaults of a macro's parameters, or None if they are not supported, and the position of its body.

    Args:
        source: the text.
        position: the position after the name of the macro.
        is_document: whether it is defined by `\NewDocumentCommand`, whose parameters are declared in a group.
    """
    if is_document:
        kinds_group = source.group(position)
        return (_of_kinds(kinds_group[0]), kinds_group[1]) if kinds_group else ((), position)
    option = source.option(position)
    if not option:
        return (), position
    count = min(int(option[0]), 9) if option[0].strip().isdigit() else 0
    default = source.option(option[1])
    defaults: tuple[str | None, ...] = (None,) * count
    if default:
        defaults = (default[0], *defaults[1:])
    return defaults, default[1] if default else option[1]


_KIND = re.compile(r"[+!\s]*(?:([mvos])|O\s*\{((?:[^{}]|\{[^{}]*\})*)\})")


def _of_kinds(kinds: str) -> tuple[str | None, ...] | None:
    """Return the defaults of parameters that are declared as `O{x} m`; None if a kind of parameter is unknown."""
    defaults: list[str | None] = []
    position = 0
    kinds = kinds.rstrip()[:_MAX_KINDS_CHARS]
    while position < len(kinds) and (match := _KIND.match(kinds, position)):
        kind = match.group(1)
        defaults.append((match.group(2) or "") if kind is None else {"o": "", "s": "*"}.get(kind))
        position = match.end()
    return tuple(defaults[:9]) if position == len(kinds) else None


def _keep(macros: dict[str, Macro], name: str, macro: Macro) -> None:
    if (
        _PROGRAM.search(macro.body)
        or _TESTS_ARGUMENT.search(macro.body)
        or "@" in macro.body
        or re.search(rf"\\{re.escape(name)}(?![A-Za-z])", macro.body)
    ):
        macros.pop(name, None)
    elif name not in STRUCTURE:
        macros[name] = macro


def _theorem(source: Source, position: int, theorems: dict[str, str]) -> int:
    name = source.group(position)
    if not name:
        return 0
    position = name[1]
    if option := source.option(position):
        position = option[1]
    title = source.group(position)
    if not title:
        return position
    theorems[name[0].strip()] = title[0].strip()
    option = source.option(title[1])
    return option[1] if option else title[1]


def expanded(text: str, macros: dict[str, Macro]) -> str:
    """Expand the author's macros, also within each other, up to limits of the number of passes and of the length."""
    if not macros:
        return text
    names = "|".join(sorted((re.escape(name) for name in macros), key=len, reverse=True))
    pattern = re.compile(rf"\\(?:({names})(?![A-Za-z@])|[A-Za-z@]+|.)", re.DOTALL)
    limit = len(text) + _MAX_ADDED_CHARS
    for _ in range(_MAX_PASSES):
        expanded_text = _expanded_once(text, macros, pattern, limit)
        if expanded_text is None:
            break
        text = expanded_text
    return text


def _expanded_once(text: str, macros: dict[str, Macro], pattern: re.Pattern[str], limit: int) -> str | None:
    """Expand each macro once; return None if the text has no macro or would become longer than `limit`."""
    source = Source(text)
    pieces: list[str] = []
    position = length = 0
    has_macro = False
    while match := pattern.search(text, position):
        name = match.group(1)
        piece, end = match.group(0), match.end()
        if name is not None:
            piece, end = _expansion(source, macros[name], match.end())
            has_macro = True
        pieces += [text[position : match.start()], piece]
        length += end - position + len(piece)
        if length > limit * 2:
            return None
        position = end
    pieces.append(text[position:])
    expanded_text = "".join(pieces)
    return expanded_text if has_macro and len(expanded_text) <= limit else None


def _expansion(source: Source, macro: Macro, position: int) -> tuple[str, int]:
    arguments: list[str] = []
    for default in macro.defaults:
        if default == "*":
            has_star = source.text[position : position + 1] == "*"
            arguments.append("")
            position += has_star
            continue
        argument = source.option(position) if default is not None else source.argument(position)
        if argument is None and default is None:
            break
        arguments.append(argument[0] if argument else default or "")
        position = argument[1] if argument else position
    if not macro.defaults:
        body = macro.body
        following = source.text[position : position + 1]
        is_word = re.search(r"\\[A-Za-z]+\Z", body[-40:]) and following.isalpha()
        return (body + " " if is_word else body), position

    def argument_for(match: re.Match[str]) -> str:
        number = int(match.group(1))
        return arguments[number - 1] if 0 < number <= len(arguments) else ""

    body = re.sub(r"#(\d)", argument_for, macro.body) if len(macro.body) < 20_000 else macro.body
    return body, position
