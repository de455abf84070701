"""Cheap checks of a document, each with a reason, that run before costly steps."""

import re
from collections import Counter

from kgsynth.texts import FORMULA

_MARKUP = re.compile(
    r"</?[A-Za-z][^<>]{0,200}>|\{\{[^{}]{0,200}\}\}|\[\[[^\[\]]{0,200}\]\]|https?://\S+|&[a-z]{2,8};|\|\|+|={3,}"
)
_BOILERPLATE = re.compile(
    r"\b(?:cookies?|privacy policy|terms of (?:use|service)|all rights reserved|subscribe|newsletter|log ?in|sign ?up"
    r"|click here|read more|share (?:this|on)|javascript|your browser|advertisement|follow us|page not found)\b",
    re.IGNORECASE,
)
# Maximum number of boilerplate phrases per 100 words; prose about the web has two or three.
_MAX_PHRASES = 4.0
# Maximum share of lines that repeat an earlier line of the text.
_MAX_REPEATED_LINES = 0.4
_MIN_LINES = 5
# Maximum share of characters in markup, and minimum share of letters among characters outside LaTeX.
_MAX_MARKUP = 0.3
_MIN_LETTERS = 0.33
_COMMAND = re.compile(r"\\[A-Za-z]+")
_ARGUMENT = re.compile(
    r"\b(?:theorem|lemma|proof|prove|let|suppose|hence|thus|then|such that|denote|define|definition|corollary"
    r"|if and only if|there exists|for all|follows)\b",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(
    r"\\(begin|end)\{(equation|eqnarray|align|alignat|gather|multline|displaymath|math|array|tabular|tabularx|longtable"
    r"|matrix|pmatrix|bmatrix|cases|split|verbatim|lstlisting)\*?\}"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
# A line of at least this number of words is prose. Texts with few characters outside formulas are not judged.
_PROSE_WORDS = 3
_MIN_CHARS = 60
_LATEX = re.compile(rf"{FORMULA.pattern}|\\[A-Za-z]+", re.DOTALL)

TOO_SHORT = "too short"
FOREIGN = "another language"
BOILERPLATE = "boilerplate"
MARKUP = "mostly markup"
COPY = "copy of an earlier text"
NEAR_DUPLICATE = "near duplicate"


def problem(text: str, *, min_words: int) -> str:
    """Return why a document should not be embedded; empty if it should. The language is checked elsewhere."""
    words = text.split()
    if len(words) < min_words:
        return TOO_SHORT
    if _is_markup(text):
        return MARKUP
    return BOILERPLATE if _is_boilerplate(text, len(words)) else ""


# Names of the numbers that `surface` returns, in their order.
SURFACE = ("formulas", "LaTeX commands", "words of argument", "digits")


def surface(text: str) -> list[float]:
    """Return four features of a text, each from 0 to 1: formulas, LaTeX commands, words of argument, digits.

    Embeddings hardly contain these features; docs/figures/filter.md has their benefit.
    """
    length, words = max(1, len(text)), max(1, len(text.split()))
    formulas = sum(len(match.group()) for match in FORMULA.finditer(text)) / length
    commands = sum(1 for _ in _COMMAND.finditer(text)) / words
    argument = 5 * sum(1 for _ in _ARGUMENT.finditer(text)) / words
    digits = 5 * sum(map(str.isdigit, text)) / length
    return [min(1.0, value) for value in (formulas, commands, argument, digits)]


def _is_markup(text: str) -> bool:
    markup_chars = sum(len(match.group()) for match in _MARKUP.finditer(text))
    if markup_chars > _MAX_MARKUP * len(text):
        return True
    prose = "".join(_LATEX.sub(" ", _without_environments(text)).split())
    return len(prose) > _MIN_CHARS and sum(map(str.isalpha, prose)) < _MIN_LETTERS * len(prose)


def _without_environments(text: str) -> str:
    """Return a text without LaTeX environments of formulas, tables and code; unclosed environments are kept."""
    parts: list[str] = []
    end_of_last, opened = 0, None
    for mark in _ENVIRONMENT.finditer(text):
        if opened is None and mark.group(1) == "begin":
            opened = mark
        elif opened is not None and mark.group(1) == "end" and mark.group(2) == opened.group(2):
            parts.append(text[end_of_last : opened.start()])
            end_of_last, opened = mark.end(), None
    return " ".join([*parts, text[end_of_last:]])


def _is_boilerplate(text: str, words: int) -> bool:
    phrases = sum(1 for _ in _BOILERPLATE.finditer(text))
    if phrases > _MAX_PHRASES * max(1.0, words / 100):
        return True
    # Only lines of prose count: lines of formulas and tables are often equal.
    lines = [line.strip() for line in text.splitlines() if len(_WORD.findall(_LATEX.sub(" ", line))) >= _PROSE_WORDS]
    repeated = sum(count - 1 for count in Counter(lines).values())
    return len(lines) >= _MIN_LINES and repeated > _MAX_REPEATED_LINES * len(lines)
