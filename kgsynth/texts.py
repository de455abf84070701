r"""Normal forms and faults of generated texts, as every room needs them: no record, no model, no graph.

A fault is named by the reason under which it is counted. LaTeX is text here: `\frac` and `\theta` survive everything.
"""

import json
import re
import zlib
from collections.abc import Sequence
from itertools import islice
from typing import Any

_LOOP_WORDS = 6
_LOOP_TIMES = 3
# English and LaTeX compress to .35-.6; a text that repeats itself far below.
_MIN_COMPRESSION = 0.25
_COMPRESSION_CHARS = 200
_REFERENCES = re.compile(
    r"\b(?:the|these|this|above|given|following|first|second|both|each|reference|according to) (?:two |above |given )?"
    r"(?:passages?|references?|documents?|excerpts?|articles?)\b|\bpassage [12]\b|\bconcepts? (?:above|listed)\b"
    r"|\b(?:the |this )?(?:text|passage|article|document|excerpt) above\b"
    r"|\b(?:in|from|to|by|of) (?:the|this) (?:provided |given )?text\b",
    re.IGNORECASE,
)
_WORD_OR_SIGN = re.compile(r"\w+|[+\-*/^=<>]")
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[bfnrt](?![A-Za-z])|[\"\\/]|.)", re.DOTALL)
# Prose before an object may hold braces of its own.
_MAX_JSON_STARTS = 8
# A formula without an end is looked for no further than this, or a text full of them takes hours.
_LONGEST = 1000
FORMULA = re.compile(rf"\$\$.*?\$\$|\$[^$]*\$|(?<!\\)\\\[.{{0,{_LONGEST}}}?\\\]|\\\(.{{0,{_LONGEST}}}?\\\)", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([^{}]*)\}")


def normal_question(text: str) -> str:
    """The form under which two questions count as the same: words, digits and signs only, case folded."""
    return " ".join(_WORD_OR_SIGN.findall(text.casefold()))


def loops(text: str) -> bool:
    """Whether a text repeats itself: six words that stand three times, or far more regular than prose."""
    words = text.split()
    runs: dict[tuple[str, ...], int] = {}
    for first in range(len(words) - _LOOP_WORDS + 1):
        run = tuple(words[first : first + _LOOP_WORDS])
        runs[run] = runs.get(run, 0) + 1
        if runs[run] >= _LOOP_TIMES:
            return True
    encoded = text.encode("utf-8", "replace")
    return len(encoded) >= _COMPRESSION_CHARS and len(zlib.compress(encoded)) / len(encoded) < _MIN_COMPRESSION


def mentions_references(text: str) -> bool:
    """Whether a text speaks of passages that its reader does not have."""
    return _REFERENCES.search(text) is not None


def unbalanced_latex(text: str) -> bool:
    r"""Whether dollars, braces, `\left` and `\right`, or environments of LaTeX do not close.

    Escaped marks count as text. A text without a backslash or a dollar is no LaTeX, whatever its braces.
    """
    if "\\" not in text and "$" not in text:
        return False
    plain = re.sub(r"\\\\|\\[{}$]", " ", text)
    if len(re.findall(r"\$\$?", plain)) % 2:
        # "costs $5" is money, "costs \$5" what LaTeX wants; one dollar before a number is let through.
        money = re.fullmatch(r"[^$]*\$\d[\d,.]*(?!\w)[^$]*", plain)
        if not money:
            return True
    depth = 0
    for mark in re.findall(r"[{}]", plain):
        depth += 1 if mark == "{" else -1
        if depth < 0:
            return True
    pairs = ((r"\\left(?![a-zA-Z])", r"\\right(?![a-zA-Z])"), (r"\\\(", r"\\\)"), (r"\\\[", r"\\\]"))
    marks = re.sub(r"\\\\", " ", text)
    if depth or any(len(re.findall(one, marks)) != len(re.findall(other, marks)) for one, other in pairs):
        return True
    opened: list[str] = []
    for side, name in _ENVIRONMENT.findall(text):
        if side == "begin":
            opened.append(name)
        elif not opened or opened.pop() != name:
            return True
    return bool(opened)


def without_latex(text: str) -> str:
    """The prose of a text: formulas and commands taken out."""
    text = FORMULA.sub(" ", text)
    return re.sub(r"\\[a-zA-Z]+\*?|[{}]", " ", text)


def parse_json(text: str) -> Any:
    r"""A value from JSON as models write it, with LaTeX kept.

    Models write `"\frac{1}{2} \rho"` inside JSON strings, which is valid JSON for a form feed, a return and the rest.
    A name holds no control characters, so a backslash before a letter that goes on as a word is taken for LaTeX.

    Raises:
        ValueError: it is not JSON even so.
    """

    def repaired(found: re.Match[str]) -> str:
        escape = found.group()
        if escape[1] in '"\\/' or (escape[1] == "u" and len(escape) == 6):
            return escape
        if escape[1] in "bfnrt" and len(escape) == 2 and not _goes_on(found):
            return escape
        return "\\" + escape

    mended = _ESCAPE.sub(repaired, text)
    decoder = json.JSONDecoder(strict=False)
    starts = [found.start() for found in islice(re.finditer(r"\{", mended), _MAX_JSON_STARTS)]
    for start in starts:
        try:
            return decoder.raw_decode(mended, start)[0]
        except (ValueError, RecursionError):
            continue
    raise ValueError("no JSON object")


def _goes_on(found: re.Match[str]) -> bool:
    after = found.string[found.end() : found.end() + 1]
    return after.isascii() and after.isalpha()


def blocks(text: str, tags: Sequence[str]) -> tuple[list[dict[str, str]], str]:
    """Runs of tagged blocks, `<question>…</question><concepts>…</concepts>`, in order, and what stands outside them.

    Args:
        text: what a model wrote.
        tags: the tags of one run, in their order; none may stand inside another.

    Returns:
        One dictionary a run from tag to stripped text; the rest of the text.
    """
    found: list[dict[str, str]] = []
    rest: list[str] = []
    opening = f"<{tags[0]}>"
    done = 0
    start = text.find(opening)
    while start >= 0:
        run, end = _tagged_run(text, start, tags)
        if run is None:
            start = text.find(opening, start + len(opening))
            continue
        found.append(run)
        rest.append(text[done:start])
        done = end
        start = text.find(opening, end)
    return found, "".join([*rest, text[done:]]).strip()


def _tagged_run(text: str, start: int, tags: Sequence[str]) -> tuple[dict[str, str] | None, int]:
    """The run of blocks that begins at `start`, and where it ends; None when it is not complete.

    No regular expression: on a tag that is never closed it would go back and forth over all that follows.
    """
    run: dict[str, str] = {}
    place = start
    for tag in tags:
        while place < len(text) and text[place].isspace():
            place += 1
        opening, closing = f"<{tag}>", f"</{tag}>"
        if not text.startswith(opening, place):
            return None, start
        end = text.find(closing, place)
        if end < 0:
            return None, start
        inside = text[place + len(opening) : end]
        if any(f"<{other}>" in inside or f"</{other}>" in inside for other in tags):
            return None, start
        run[tag] = inside.strip()
        place = end + len(closing)
    return run, place


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
