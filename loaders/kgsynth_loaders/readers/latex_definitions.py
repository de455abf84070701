"""Macros that an author of LaTeX defines: taken out and put in where they are used."""

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
# What a body does with a parameter that is not given.
_ASKS = re.compile(r"\\If(?:NoValue|Value|Boolean|Blank)")
_LONGEST_KINDS = 500
_MAX_PASSES = 12
_MOST_ADDED_CHARS = 2_000_000


class Macro(NamedTuple):
    """A macro of the author.

    Attributes:
        body: what stands for it, with `#1` for its first argument.
        defaults: for each parameter what stands for it where it is not given in square brackets; None for an argument
            that must be given, `*` for a star that may stand there.
    """

    body: str
    defaults: tuple[str | None, ...] = ()


def definitions_of(text: str) -> tuple[dict[str, Macro], dict[str, str], str]:
    """What the author defines, names of theorems, and the text without these definitions."""
    source = Source(text)
    macros: dict[str, Macro] = {}
    theorems = dict(THEOREMS)
    out: list[str] = []
    place = 0
    while found := _DEFINES.search(text, place):
        end = _definition(source, found, macros, theorems)
        out.append(text[place : found.start()] if end > 0 else text[place : found.end()])
        place = end if end > 0 else found.end()
    out.append(text[place:])
    return macros, theorems, "".join(out)


def _definition(source: Source, found: re.Match[str], macros: dict[str, Macro], theorems: dict[str, str]) -> int:
    """Keep one definition; the place after it, 0 where it is none."""
    if found.group("let"):
        return found.end()
    if found.group("theorem"):
        return _theorem(source, found.end(), theorems)
    if found.group("def"):
        head = _DEF_HEAD.match(source.text, found.end())
        body = source.group(head.end()) if head else None
        if head is None or body is None:
            # Parameters with words between them are beyond this reader; the body is no text either way.
            brace = source.text.find("{", found.end(), found.end() + 200)
            return source.pairs[brace] + 1 if brace in source.pairs else 0
        _keep(macros, head.group(1), Macro(body[0], (None,) * head.group(2).count("#")))
        return body[1]
    if found.group("environment"):
        place: int | None = found.end()
        for _ in range(4 if "Document" in found.group("environment") else 3):
            while place is not None and (option := source.option(place)):
                place = option[1]
            group = source.group(place) if place is not None else None
            place = group[1] if group else None
        return place or 0
    name = _MACRO_NAME.match(source.text, found.end())
    if not name:
        return 0
    defaults, start = _parameters(source, name.end(), is_document="Document" in found.group(0))
    body = source.argument(start)
    if body is None:
        return 0
    if defaults is None:
        macros.pop(name.group(1), None)
        return body[1]
    content = f"\\operatorname{{{body[0]}}}" if found.group("operator") else body[0]
    _keep(macros, name.group(1), Macro(content, defaults))
    return body[1]


def _parameters(source: Source, place: int, *, is_document: bool) -> tuple[tuple[str | None, ...] | None, int]:
    r"""The defaults of a macro's parameters, None where they are beyond this reader, and the place of its body.

    Args:
        source: the text.
        place: after the name of the macro.
        is_document: whether it is defined by `\NewDocumentCommand`, whose parameters stand in a group.
    """
    if is_document:
        kinds = source.group(place)
        return (_of_kinds(kinds[0]), kinds[1]) if kinds else ((), place)
    option = source.option(place)
    if not option:
        return (), place
    count = min(int(option[0]), 9) if option[0].strip().isdigit() else 0
    default = source.option(option[1])
    defaults: tuple[str | None, ...] = (None,) * count
    if default:
        defaults = (default[0], *defaults[1:])
    return defaults, default[1] if default else option[1]


_KIND = re.compile(r"[+!\s]*(?:([mvos])|O\s*\{((?:[^{}]|\{[^{}]*\})*)\})")


def _of_kinds(kinds: str) -> tuple[str | None, ...] | None:
    """The defaults of parameters that are given as `O{x} m`; None where one is of a kind that is not known."""
    defaults: list[str | None] = []
    place = 0
    kinds = kinds.rstrip()[:_LONGEST_KINDS]
    while place < len(kinds) and (found := _KIND.match(kinds, place)):
        kind = found.group(1)
        defaults.append((found.group(2) or "") if kind is None else {"o": "", "s": "*"}.get(kind))
        place = found.end()
    return tuple(defaults[:9]) if place == len(kinds) else None


def _keep(macros: dict[str, Macro], name: str, macro: Macro) -> None:
    if (
        _PROGRAM.search(macro.body)
        or _ASKS.search(macro.body)
        or "@" in macro.body
        or re.search(rf"\\{re.escape(name)}(?![A-Za-z])", macro.body)
    ):
        macros.pop(name, None)
    elif name not in STRUCTURE:
        macros[name] = macro


def _theorem(source: Source, place: int, theorems: dict[str, str]) -> int:
    name = source.group(place)
    if not name:
        return 0
    place = name[1]
    if option := source.option(place):
        place = option[1]
    title = source.group(place)
    if not title:
        return place
    theorems[name[0].strip()] = title[0].strip()
    option = source.option(title[1])
    return option[1] if option else title[1]


def expanded(text: str, macros: dict[str, Macro]) -> str:
    """The text with the author's macros put in, as deep as they stand in each other and a limit of length allows."""
    if not macros:
        return text
    names = "|".join(sorted((re.escape(name) for name in macros), key=len, reverse=True))
    pattern = re.compile(rf"\\(?:({names})(?![A-Za-z@])|[A-Za-z@]+|.)", re.DOTALL)
    limit = len(text) + _MOST_ADDED_CHARS
    for _ in range(_MAX_PASSES):
        made = _expanded_once(text, macros, pattern, limit)
        if made is None:
            break
        text = made
    return text


def _expanded_once(text: str, macros: dict[str, Macro], pattern: re.Pattern[str], limit: int) -> str | None:
    """The text after one pass; None where nothing is to be done or the text would grow too long."""
    source = Source(text)
    out: list[str] = []
    place = length = 0
    has_any = False
    while found := pattern.search(text, place):
        name = found.group(1)
        piece, end = found.group(0), found.end()
        if name is not None:
            piece, end = _used(source, macros[name], found.end())
            has_any = True
        out += [text[place : found.start()], piece]
        length += end - place + len(piece)
        if length > limit * 2:
            return None
        place = end
    out.append(text[place:])
    made = "".join(out)
    return made if has_any and len(made) <= limit else None


def _used(source: Source, macro: Macro, place: int) -> tuple[str, int]:
    arguments: list[str] = []
    for default in macro.defaults:
        if default == "*":
            has_star = source.text[place : place + 1] == "*"
            arguments.append("")
            place += has_star
            continue
        found = source.option(place) if default is not None else source.argument(place)
        if found is None and default is None:
            break
        arguments.append(found[0] if found else default or "")
        place = found[1] if found else place
    if not macro.defaults:
        body = macro.body
        following = source.text[place : place + 1]
        is_word = re.search(r"\\[A-Za-z]+\Z", body[-40:]) and following.isalpha()
        return (body + " " if is_word else body), place

    def argument(found: re.Match[str]) -> str:
        number = int(found.group(1))
        return arguments[number - 1] if 0 < number <= len(arguments) else ""

    body = re.sub(r"#(\d)", argument, macro.body) if len(macro.body) < 20_000 else macro.body
    return body, place
