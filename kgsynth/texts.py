r"""Normal forms of generated texts, as every room needs them: no record, no model, no graph.

LaTeX is text here: `\frac` and `\theta` survive everything.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

_REFERENCES = re.compile(
    r"\b(?:the|these|this|above|given|following|first|second|both|each|reference|according to) (?:two |above |given )?"
    r"(?:passages?|references?|documents?|excerpts?|articles?)\b|\bpassage [12]\b|\bconcepts? (?:above|listed)\b"
    r"|\b(?:the |this )?(?:text|passage|article|document|excerpt) above\b"
    r"|\b(?:in|from|to|by|of) (?:the|this) (?:provided |given )?text\b",
    re.IGNORECASE,
)
_WORD_OR_SIGN = re.compile(r"\w+|[+\-*/^=<>]")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[bfnrt](?![A-Za-z])|[\"\\/]|.)", re.DOTALL)
_LIKE_AN_OBJECT = re.compile(r"\{\s*(?:[\"'“]|//|/\*|#)")
# A string in single quotes may hold an apostrophe; only before a comma, a colon or a bracket does the quote end it.
_SINGLE_QUOTED = re.compile(r"([\[{,:]\s*)'([^\n]{0,2000}?)'(?=\s*[,:\]}])")
# Prose before an object may hold braces of its own.
_MAX_JSON_STARTS = 32
_BRACE_OR_QUOTE = re.compile(r'\\.|["{}]', re.DOTALL)
# A formula without an end is looked for no further than this, or a text full of them takes hours.
_LONGEST = 1000
FORMULA = re.compile(rf"\$\$.*?\$\$|\$[^$]*\$|(?<!\\)\\\[.{{0,{_LONGEST}}}?\\\]|\\\(.{{0,{_LONGEST}}}?\\\)", re.DOTALL)


def normal_question(text: str) -> str:
    """The form under which two questions count as the same: words, digits and signs only, case folded."""
    return " ".join(_WORD_OR_SIGN.findall(text.casefold()))


def reading_length(text: str) -> int:
    """Characters of a text, those of scripts that write a word in one or two of them counted three times."""
    return len(text) + 2 * sum(unicodedata.east_asian_width(char) in "WF" for char in text)


# What no cleaning makes text of: NUL, escape, half of a character.
NO_TEXT = re.compile("[\x00\x1b\ud800-\udfff]")
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Soft hyphens, zero-width blanks and marks of direction; joiners stay, words of some scripts need them.
_INVISIBLE = re.compile("[\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_HALF = re.compile("[\ud800-\udfff]")
_UNCLEAN = re.compile(f"{_LINE_END.pattern}|{_INVISIBLE.pattern}|{_CONTROL.pattern}")


_UNCLEAN_ASCII = bytes([*range(9), *range(11, 32), 127])


def is_clean(text: str) -> bool:
    """Whether `clean_characters` would leave a text as it is, and it holds no half of a character."""
    if text.isascii():
        data = text.encode()
        return len(data.translate(None, _UNCLEAN_ASCII)) == len(data)
    return not (_UNCLEAN.search(text) or _HALF.search(text))


def clean_characters(text: str) -> tuple[str, int]:
    """A text with line ends as line feeds, without invisible characters, and with blanks for control characters.

    Returns:
        The text, and how many control characters became blanks.
    """
    if not _UNCLEAN.search(text):
        return text, 0
    return _CONTROL.subn(" ", _INVISIBLE.sub("", _LINE_END.sub("\n", text)))


def printable(text: str) -> str:
    r"""A text for a terminal: control characters, marks of direction and halves of characters as `\x1b`."""
    return _UNPRINTABLE.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode(), text)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def mentions_references(text: str) -> bool:
    """Whether a text speaks of passages that its reader does not have."""
    return _REFERENCES.search(text) is not None


def without_latex(text: str) -> str:
    """The prose of a text: formulas and commands taken out."""
    text = FORMULA.sub(" ", text)
    return re.sub(r"\\[a-zA-Z]+\*?|[{}]", " ", text)


def parse_json(text: str, *, key: str) -> dict[str, Any]:
    r"""The JSON object with a key in a text as models write it, with LaTeX kept.

    Models write `"\frac{1}{2} \rho"` inside JSON strings, which is valid JSON for a form feed, a return and the rest.
    A name holds no control characters, so a backslash before a letter that goes on as a word is taken for LaTeX.
    Fences, prose around it, single quotes, comments, trailing commas and the like are repaired by json_repair; an
    object that was cut off is not.

    Args:
        text: what a model wrote.
        key: that the wanted object has; prose before it may hold braces of its own.

    Raises:
        ValueError: there is no such object even so.
    """
    if text.lstrip().startswith('"'):
        # An object that was written as a JSON string.
        with suppress(ValueError):
            inner = json.loads(text)
            text = inner if isinstance(inner, str) else text
    mended = _ESCAPE.sub(_repaired, text)
    found: list[dict[str, Any]] = []
    start = mended.find("{")
    for _ in range(_MAX_JSON_STARTS):
        if start < 0:
            break
        value, end = _object_at(mended, start)
        if isinstance(value, dict) and key in value:
            found.append(value)
        # What is inside an object that can be read is no object of its own.
        start = mended.find("{", end)
    if not found or any(one != found[0] for one in found):
        raise ValueError(
            f"no JSON object with {key!r}" if not found else f"several JSON objects with {key!r} that differ"
        )
    return found[0]


def _object_at(text: str, start: int) -> tuple[Any, int]:
    """The object that begins at a place, repaired where it must be, and where to look for the next."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    if not _LIKE_AN_OBJECT.match(text, start):
        return None, start + 1
    quoted = text[start:]
    if re.match(r"\{\s*'", quoted):
        quoted = _SINGLE_QUOTED.sub(_in_double_quotes, quoted)
    end = _closing_brace(quoted)
    if not end:
        # It was cut off: nothing in it can be trusted.
        return None, len(text)
    return _mended(quoted[:end]), start + end


def _mended(text: str) -> Any:
    import json_repair

    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None


def _closing_brace(text: str) -> int:
    """Where the object at the start of a text ends, braces within strings left aside; 0 when it does not end."""
    depth, in_string = 0, False
    for found in _BRACE_OR_QUOTE.finditer(text):
        mark = found.group()
        if mark == '"':
            in_string = not in_string
        elif not in_string and mark in "{}":
            depth += 1 if mark == "{" else -1
            if not depth:
                return found.end()
    return 0


def _in_double_quotes(found: re.Match[str]) -> str:
    inside = found.group(2).replace("\\\\'", "'").replace('"', '\\"')
    return f'{found.group(1)}"{inside}"'


def _repaired(found: re.Match[str]) -> str:
    escape = found.group()
    if escape[1] in '"\\/' or (escape[1] == "u" and len(escape) == 6):
        return escape
    if escape[1] in "bfnrt" and len(escape) == 2 and not _goes_on(found):
        return escape
    return "\\" + escape


def _goes_on(found: re.Match[str]) -> bool:
    after = found.string[found.end() : found.end() + 1]
    return after.isascii() and after.isalpha()


def blocks(text: str, tags: Sequence[str], *, optional: Collection[str] = ()) -> tuple[list[dict[str, str]], str]:
    """Runs of tagged blocks, `<question>…</question><concepts>…</concepts>`, in order, and what stands outside them.

    Args:
        text: what a model wrote.
        tags: the tags of one run, in their order; none may stand inside another.
        optional: tags that a run may lack; it then holds an empty text for them. One that is not closed ends where the
            next tag begins, or with the text.

    Returns:
        One dictionary a run from tag to stripped text; the rest of the text.
    """
    names = "|".join(map(re.escape, tags))
    text = re.sub(rf"</?(?:{names})>", lambda tag: tag.group().lower(), text, flags=re.IGNORECASE)
    found: list[dict[str, str]] = []
    rest: list[str] = []
    opening = f"<{tags[0]}>"
    done = 0
    start = text.find(opening)
    while start >= 0:
        run, end = _tagged_run(text, start, tags, optional)
        if run is None:
            start = text.find(opening, start + len(opening))
            continue
        found.append(run)
        rest.append(text[done:start])
        done = end
        start = text.find(opening, end)
    return found, "".join([*rest, text[done:]]).strip()


def _tagged_run(
    text: str, start: int, tags: Sequence[str], optional: Collection[str]
) -> tuple[dict[str, str] | None, int]:
    """The run of blocks that begins at `start`, and where it ends; None when it is not complete.

    No regular expression: on a tag that is never closed it would go back and forth over all that follows.
    """
    run: dict[str, str] = {}
    end_of_run = start
    for tag in tags:
        place = end_of_run
        while place < len(text) and text[place].isspace():
            place += 1
        opening, closing = f"<{tag}>", f"</{tag}>"
        if not text.startswith(opening, place):
            if tag in optional:
                run[tag] = ""
                continue
            return None, start
        inside_from = place + len(opening)
        end = text.find(closing, place)
        next_tag = _next_tag(text, inside_from, tags)
        if end >= 0 and end == next_tag:
            end_of_run = end + len(closing)
        elif tag in optional:
            end = end_of_run = next_tag
        else:
            return None, start
        run[tag] = text[inside_from:end].strip()
    return run, end_of_run


def _next_tag(text: str, start: int, tags: Sequence[str]) -> int:
    places = (text.find(f"<{slash}{tag}>", start) for tag in tags for slash in ("", "/"))
    return min((place for place in places if place >= 0), default=len(text))


_NOT_SAID = re.compile(
    r"\\(?:begin|end|label|ref|eqref|cite|usepackage|documentclass|includegraphics|PMlink\w*|vspace|hspace|href)\*?"
    r"(?:\[[^\[\]]*\])?(?:\{[^{}]*\})?|(?<!\\)%[^\n]*"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?")
_SPOKEN = {
    "frac": "fraction",
    "dfrac": "fraction",
    "tfrac": "fraction",
    "sqrt": "square root",
    "int": "integral",
    "oint": "integral",
    "sum": "sum",
    "prod": "product",
    "lim": "limit",
    "infty": "infinity",
    "to": "tends to",
    "rightarrow": "maps to",
    "mapsto": "maps to",
    "in": "element of",
    "subset": "subset of",
    "subseteq": "subset of",
    "cup": "union",
    "cap": "intersection",
    "forall": "for all",
    "exists": "there exists",
    "leq": "less or equal",
    "le": "less or equal",
    "geq": "greater or equal",
    "ge": "greater or equal",
    "neq": "not equal",
    "equiv": "congruent",
    "pmod": "modulo",
    "mod": "modulo",
    "cdot": "times",
    "times": "times",
    "partial": "partial derivative",
    "nabla": "gradient",
    "otimes": "tensor product",
    "oplus": "direct sum",
    "cong": "isomorphic",
    "binom": "binomial coefficient",
    "choose": "binomial coefficient",
    "mid": "divides",
}
# They say how a text looks, not what it is about.
_SILENT = frozenset(
    "mathbb mathcal mathrm mathbf mathfrak mathit operatorname text textbf textit emph left right big Big bigg Bigg "
    "quad qquad "
    "displaystyle limits nonumber hline item newline noindent centering label tag mbox hbox rm bf it em section "
    "subsection paragraph title author date maketitle tableofcontents htmladdnormallink".split()
)


def spoken_latex(text: str) -> str:
    r"""A text whose formulas are words, for models that know English and not LaTeX: `\frac` is "fraction"."""

    def said(found: re.Match[str]) -> str:
        name = found.group(1)
        return " " if name in _SILENT else f" {_SPOKEN.get(name, name)} "

    text = _COMMAND.sub(said, _NOT_SAID.sub(" ", text))
    return " ".join(re.sub(r"[\\{}$~&^_|]+", " ", text).split())
