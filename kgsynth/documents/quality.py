"""Cheap looks at a document, each with a reason, before anything that costs."""

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
# Boilerplate phrases a hundred words; prose about the web has two or three.
_MOST_PHRASES = 4.0
# Share of a text's lines that stand in it before.
_MOST_REPEATED_LINES = 0.4
_LEAST_LINES = 5
# Share of the characters that are markup, or, LaTeX left aside, no letters.
_MOST_MARKUP = 0.3
_LEAST_LETTERS = 0.5
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
# A line of so many words is prose, and so few characters beside formulas tell nothing.
_PROSE_WORDS = 3
_FEWEST_CHARS = 60
_LATEX = re.compile(rf"{FORMULA.pattern}|\\[A-Za-z]+", re.DOTALL)

TOO_SHORT = "too short"
FOREIGN = "another language"
BOILERPLATE = "boilerplate"
MARKUP = "mostly markup"
COPY = "copy of an earlier text"
NEAR_DUPLICATE = "near duplicate"


def problem(text: str, *, min_words: int) -> str:
    """Why a document is not worth embedding; empty when it is. Its language is another matter."""
    words = text.split()
    if len(words) < min_words:
        return TOO_SHORT
    if _is_markup(text):
        return MARKUP
    return BOILERPLATE if _is_boilerplate(text, len(words)) else ""


# Of which numbers `surface` consists, in their order.
SURFACE = ("formulas", "LaTeX commands", "words of argument", "digits")


def surface(text: str) -> list[float]:
    """Four numbers about how a text is written, each about 0 to 1: formulas, commands, words of argument, digits.

    A vector of meaning knows little of them; EXPERIMENTS.md has what they add.
    """
    length, words = max(1, len(text)), max(1, len(text.split()))
    formulas = sum(len(found.group()) for found in FORMULA.finditer(text)) / length
    commands = sum(1 for _ in _COMMAND.finditer(text)) / words
    argument = 5 * sum(1 for _ in _ARGUMENT.finditer(text)) / words
    digits = 5 * sum(map(str.isdigit, text)) / length
    return [min(1.0, one) for one in (formulas, commands, argument, digits)]


def _is_markup(text: str) -> bool:
    marked = sum(len(found.group()) for found in _MARKUP.finditer(text))
    if marked > _MOST_MARKUP * len(text):
        return True
    prose = "".join(_LATEX.sub(" ", _without_environments(text)).split())
    return len(prose) > _FEWEST_CHARS and sum(map(str.isalpha, prose)) < _LEAST_LETTERS * len(prose)


def _without_environments(text: str) -> str:
    """A text without formulas, tables and code that LaTeX sets apart; what is not closed stays."""
    parts: list[str] = []
    place, opened = 0, None
    for mark in _ENVIRONMENT.finditer(text):
        if opened is None and mark.group(1) == "begin":
            opened = mark
        elif opened is not None and mark.group(1) == "end" and mark.group(2) == opened.group(2):
            parts.append(text[place : opened.start()])
            place, opened = mark.end(), None
    return " ".join([*parts, text[place:]])


def _is_boilerplate(text: str, words: int) -> bool:
    phrases = sum(1 for _ in _BOILERPLATE.finditer(text))
    if phrases > _MOST_PHRASES * max(1.0, words / 100):
        return True
    # Lines of formulas and tables repeat by nature.
    lines = [line.strip() for line in text.splitlines() if len(_WORD.findall(_LATEX.sub(" ", line))) >= _PROSE_WORDS]
    repeated = sum(count - 1 for count in Counter(lines).values())
    return len(lines) >= _LEAST_LINES and repeated > _MOST_REPEATED_LINES * len(lines)
