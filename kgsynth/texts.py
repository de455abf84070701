r"""Normal forms, cleaning and parsing of texts, used by all packages.

All functions preserve LaTeX, such as `\frac` and `\theta`, unless they remove it on purpose.
"""

import json
import math
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
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
# A string in single quotes may contain apostrophes. A quote ends it only before a comma, a colon or a bracket.
_SINGLE_QUOTED = re.compile(r"([\[{,:]\s*)'([^\n]{0,2000}?)'(?=\s*[,:\]}])")
# Maximum number of opening braces that are tried, because prose before an object may contain braces.
_MAX_JSON_STARTS = 32
_BRACE_OR_QUOTE = re.compile(r'\\.|["{}]', re.DOTALL)
# Maximum length of formulas in brackets. Without a limit, a text with many unclosed formulas would take hours.
_LONGEST = 1000
FORMULA = re.compile(rf"\$\$.*?\$\$|\$[^$]*\$|(?<!\\)\\\[.{{0,{_LONGEST}}}?\\\]|\\\(.{{0,{_LONGEST}}}?\\\)", re.DOTALL)


def normal_question(text: str) -> str:
    """Return the case-folded words, digits and operators of a question; equal questions share this form."""
    return " ".join(_WORD_OR_SIGN.findall(text.casefold()))


def reading_length(text: str) -> int:
    """Return the number of characters; wide (East Asian) characters, which write words in one or two, count three."""
    return len(text) + 2 * sum(unicodedata.east_asian_width(char) in "WF" for char in text)


# What a cell begins with that spreadsheets take for a formula; some take the wide forms of the signs, too.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# Characters that show that data is no text: NUL, escape, lone surrogates.
NO_TEXT = re.compile("[\x00\x1b\ud800-\udfff]")
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Soft hyphens, zero-width spaces and direction marks. Joiners are kept because words of some scripts need them.
_INVISIBLE = re.compile("[\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNCLEAN = re.compile(f"{_LINE_END.pattern}|{_INVISIBLE.pattern}|{_CONTROL.pattern}")


_UNCLEAN_ASCII = bytes([*range(9), *range(11, 32), 127])


def is_clean(text: str) -> bool:
    """Return whether a text has no lone surrogates and `clean_characters` would not change it."""
    if text.isascii():
        data = text.encode()
        return len(data.translate(None, _UNCLEAN_ASCII)) == len(data)
    return not (_UNCLEAN.search(text) or _SURROGATE.search(text))


def clean_characters(text: str) -> tuple[str, int]:
    """Convert line ends to line feeds, remove invisible characters, and replace control characters by spaces.

    Returns:
        The text, and the number of replaced control characters.
    """
    if not _UNCLEAN.search(text):
        return text, 0
    return _CONTROL.subn(" ", _INVISIBLE.sub("", _LINE_END.sub("\n", text)))


def printable(text: str) -> str:
    r"""Return a text for a terminal, with control characters, direction marks and surrogates escaped (`\x1b`)."""
    return _UNPRINTABLE.sub(_escaped, text)


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


# Control characters, line and paragraph ends, and characters without width.
_UNPRINTABLE_IN_NAMES = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)


def printable_name(name: str) -> str:
    r"""Return an id or a path with all characters escaped that are not visible, line feeds (`\n`) among them.

    Unlike cleaning, this keeps names different that differ only by such characters.
    """
    return _UNPRINTABLE_IN_NAMES.sub(_escaped, name)


def without_formula(text: str) -> str:
    """Return a text for a CSV file that spreadsheets do not take for a formula: such a text gets a leading `'`."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _escaped(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode()


def mentions_references(text: str) -> bool:
    """Return whether a text refers to passages that its reader does not have."""
    return _REFERENCES.search(text) is not None


def without_latex(text: str) -> str:
    """Return a text without LaTeX formulas and commands."""
    text = FORMULA.sub(" ", text)
    return re.sub(r"\\[a-zA-Z]+\*?|[{}]", " ", text)


def json_value(value: Any, *, max_integer: int | None = None) -> Any:
    """Return a value as JSON can hold it: numbers that are not finite become null, integers from a limit on texts.

    Args:
        value: mappings, sequences and plain values; others are returned as they are.
        max_integer: integers of at least this absolute value become texts; None for no limit.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if max_integer is None or abs(value) < max_integer else str(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item, max_integer=max_integer) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item, max_integer=max_integer) for item in value]
    return value


def parse_json(text: str, *, key: str) -> dict[str, Any]:
    r"""Return the JSON object with a given key in the output of a model, with its LaTeX preserved.

    Models write `"\frac{1}{2} \rho"` in JSON strings, where `\f` and `\r` mean form feed and carriage return.
    Therefore a backslash before a letter that continues as a word is taken for LaTeX. Fences and surrounding prose are
    ignored, and json_repair repairs single quotes, comments, trailing commas and similar errors. Truncated objects are
    rejected.

    Args:
        text: output of a model.
        key: a key of the wanted object; prose before the object may contain braces.

    Raises:
        ValueError: there is no such object, or several that differ.
    """
    if text.lstrip().startswith('"'):
        # The object may be encoded as a JSON string.
        with suppress(ValueError):
            inner = json.loads(text)
            text = inner if isinstance(inner, str) else text
    escaped = _ESCAPE.sub(_repaired_escape, text)
    objects: list[dict[str, Any]] = []
    start = escaped.find("{")
    for _ in range(_MAX_JSON_STARTS):
        if start < 0:
            break
        value, end = _object_at(escaped, start)
        if isinstance(value, dict) and key in value:
            objects.append(value)
        # Objects nested in a parsed object are skipped.
        start = escaped.find("{", end)
    if not objects or any(other != objects[0] for other in objects):
        raise ValueError(
            f"no JSON object with {key!r}" if not objects else f"several JSON objects with {key!r} that differ"
        )
    return objects[0]


def _object_at(text: str, start: int) -> tuple[Any, int]:
    """Return the object that begins at an index, repaired if necessary, and the index from which to search the next."""
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
        # The object is truncated and cannot be trusted.
        return None, len(text)
    return _repaired_json(quoted[:end]), start + end


def _repaired_json(text: str) -> Any:
    import json_repair

    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None


def _closing_brace(text: str) -> int:
    """Return the end of the object at the start of a text, ignoring braces in strings; 0 if it is truncated."""
    depth, in_string = 0, False
    for match in _BRACE_OR_QUOTE.finditer(text):
        mark = match.group()
        if mark == '"':
            in_string = not in_string
        elif not in_string and mark in "{}":
            depth += 1 if mark == "{" else -1
            if not depth:
                return match.end()
    return 0


def _in_double_quotes(match: re.Match[str]) -> str:
    inside = match.group(2).replace("\\\\'", "'").replace('"', '\\"')
    return f'{match.group(1)}"{inside}"'


def _repaired_escape(match: re.Match[str]) -> str:
    escape = match.group()
    if escape[1] in '"\\/' or (escape[1] == "u" and len(escape) == 6):
        return escape
    if escape[1] in "bfnrt" and len(escape) == 2 and not _is_before_letter(match):
        return escape
    return "\\" + escape


def _is_before_letter(match: re.Match[str]) -> bool:
    after = match.string[match.end() : match.end() + 1]
    return after.isascii() and after.isalpha()


def blocks(text: str, tags: Sequence[str], *, optional: Collection[str] = ()) -> tuple[list[dict[str, str]], str]:
    """Return runs of tagged blocks, `<question>…</question><concepts>…</concepts>`, and the text outside them.

    Args:
        text: output of a model.
        tags: the tags of a run in their order; they must not be nested.
        optional: tags that may be missing, which yields an empty text. An unclosed optional block ends at the next tag
            or at the end of the text.

    Returns:
        A dictionary per run, from tag to stripped text, in order of occurrence; and the rest of the text.
    """
    names = "|".join(map(re.escape, tags))
    text = re.sub(rf"</?(?:{names})>", lambda tag: tag.group().lower(), text, flags=re.IGNORECASE)
    runs: list[dict[str, str]] = []
    rest: list[str] = []
    opening = f"<{tags[0]}>"
    end_of_last = 0
    start = text.find(opening)
    while start >= 0:
        run, end = _tagged_run(text, start, tags, optional)
        if run is None:
            start = text.find(opening, start + len(opening))
            continue
        runs.append(run)
        rest.append(text[end_of_last:start])
        end_of_last = end
        start = text.find(opening, end)
    return runs, "".join([*rest, text[end_of_last:]]).strip()


def _tagged_run(
    text: str, start: int, tags: Sequence[str], optional: Collection[str]
) -> tuple[dict[str, str] | None, int]:
    """Return the run of blocks that begins at `start`, and its end; None if it is incomplete.

    A regular expression would take quadratic time on unclosed tags.
    """
    run: dict[str, str] = {}
    end_of_run = start
    for tag in tags:
        index = end_of_run
        while index < len(text) and text[index].isspace():
            index += 1
        opening, closing = f"<{tag}>", f"</{tag}>"
        if not text.startswith(opening, index):
            if tag in optional:
                run[tag] = ""
                continue
            return None, start
        content_start = index + len(opening)
        end = text.find(closing, index)
        next_tag = _next_tag(text, content_start, tags)
        if end >= 0 and end == next_tag:
            end_of_run = end + len(closing)
        elif tag in optional:
            end = end_of_run = next_tag
        else:
            return None, start
        run[tag] = text[content_start:end].strip()
    return run, end_of_run


def _next_tag(text: str, start: int, tags: Sequence[str]) -> int:
    positions = (text.find(f"<{slash}{tag}>", start) for tag in tags for slash in ("", "/"))
    return min((position for position in positions if position >= 0), default=len(text))


_UNSPOKEN = re.compile(
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
# Commands for the layout of a text, which have no meaning in words.
_SILENT = frozenset(
    "mathbb mathcal mathrm mathbf mathfrak mathit operatorname text textbf textit emph left right big Big bigg Bigg "
    "quad qquad "
    "displaystyle limits nonumber hline item newline noindent centering label tag mbox hbox rm bf it em section "
    "subsection paragraph title author date maketitle tableofcontents htmladdnormallink".split()
)


def spoken_latex(text: str) -> str:
    r"""Return a text with LaTeX commands as English words, for models that do not know LaTeX: `\frac` is "fraction"."""

    def spoken_command(match: re.Match[str]) -> str:
        name = match.group(1)
        return " " if name in _SILENT else f" {_SPOKEN.get(name, name)} "

    text = _COMMAND.sub(spoken_command, _UNSPOKEN.sub(" ", text))
    return " ".join(re.sub(r"[\\{}$~&^_|]+", " ", text).split())
