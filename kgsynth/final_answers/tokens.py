r"""Tokens of a cleaned answer: numbers with their exact values, words, commands and signs.

Every character belongs to a token; a parser that does not know a token refuses the whole text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kgsynth.final_answers.clean import THOUSANDS, UPRIGHT

_SEPARATED = rf"[1-9]\d{{0,2}}(?P<mark>[,{THOUSANDS} '])\d{{3}}(?:(?P=mark)\d{{3}})*(?!\d)(?!(?P=mark)\d)(?:\.\d+)?"
_PLAIN = r"(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d{1,4}(?![\dA-Za-z.]))?"
_TOKEN = re.compile(
    rf"(?P<space>\s+)"
    rf"|(?P<repeating>\d*\.\d*\\(?:overline|bar|dot)\s*\{{\d+\}})"
    rf"|(?P<literal>0[bB][01]+(?!\w)|0[xX][0-9a-fA-F]+(?!\w)|0[oO][0-7]+(?!\w))"
    rf"|(?P<separated>{_SEPARATED})"
    rf"|(?P<number>{_PLAIN})"
    rf"|(?P<environment>\\(?:begin|end)\s*\{{\s*{UPRIGHT}?[a-zA-Z]+\*?\s*\}}(?:(?<=array\}})\s*\{{[lcr|\s]*\}})?)"
    rf"|(?P<command>\\[a-zA-Z]+)"
    rf"|(?P<word>{UPRIGHT}?[A-Za-z]+)"
    rf"|(?P<sign>\\.|<=|>=|!=|==|\*\*|!!|\.\.+|.)",
    re.DOTALL,
)
_SIGNS = {
    "\\cdot": "*", "\\ast": "*", "**": "^", "\\div": "/", "\\le": "<=", "\\ge": ">=", "\\ne": "!=",
    "==": "=", "\\infin": "\\infty",
}  # fmt: skip
OPENING = frozenset(("(", "[", "\\{", "{", "\\langle", "\\lfloor", "\\lceil"))
CLOSING = frozenset((")", "]", "\\}", "}", "\\rangle", "\\rfloor", "\\rceil"))
_MAX_DIGITS = 2000


class ParseError(ValueError):
    """No rule reads the whole text; the answer is then compared as text."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of an answer.

    Attributes:
        kind: number, word, command, sign, begin or end.
        text: its text in a unified spelling.
        start: index of its first character in the cleaned text.
        end: index after its last character there.
        value: the value of a number, else None.
        spaced: whether white space precedes it.
        upright: whether it is a word that LaTeX sets upright.
    """

    kind: str
    text: str
    start: int = 0
    end: int = 0
    value: Fraction | None = None
    spaced: bool = False
    upright: bool = False


def tokens_of(clean: str) -> tuple[Token, ...]:
    """Return the tokens of a cleaned answer.

    Raises:
        ParseError: a number cannot be read.
    """
    tokens: list[Token] = []
    index, depth, spaced = 0, 0, False
    while index < len(clean):
        match = _TOKEN.match(clean, index)
        if match is None:
            raise ParseError("no token")
        kind = match.lastgroup or ""
        if match.group("separated") is not None:
            kind = "separated"
            # In parentheses `1,200` may be two coordinates; `1,000` cannot.
            if match.group("mark") == "," and depth and not re.search(r",0", match.group()):
                match = re.compile(_PLAIN).match(clean, index) or match
                kind = "number"
        if kind == "space":
            spaced = True
        else:
            token = _token(kind, match.group(), index, spaced=spaced)
            depth += (token.text in OPENING and token.text != "{") - (token.text in CLOSING and token.text != "}")
            tokens.append(token)
            spaced = False
        index = match.end()
    return tuple(tokens)


def _token(kind: str, text: str, start: int, *, spaced: bool) -> Token:
    end = start + len(text)
    if kind in ("number", "separated", "repeating", "literal"):
        return Token("number", text, start, end, _number(kind, text), spaced)
    if kind == "environment":
        name = re.sub(r"[^a-zA-Z]", "", text[text.index("{") : text.index("}")])
        return Token("begin" if text.startswith("\\begin") else "end", name, start, end, None, spaced)
    if kind == "word":
        return Token("word", text.removeprefix(UPRIGHT), start, end, None, spaced, text.startswith(UPRIGHT))
    text = _SIGNS.get(text, text)
    return Token("command" if re.fullmatch(r"\\[a-zA-Z]+", text) else "sign", text, start, end, None, spaced)


def _number(kind: str, text: str) -> Fraction:
    if len(text) > _MAX_DIGITS:
        raise ParseError("a number of too many digits")
    if kind == "literal":
        return Fraction(int(text, 0))
    if kind == "repeating":
        before, after, repeated = re.findall(r"^(\d*)\.(\d*)\\\w+\s*\{(\d+)\}", text)[0]
        nines = 10 ** len(repeated) - 1
        return Fraction(before + "." + after + "0") + Fraction(int(repeated), nines * 10 ** len(after))
    if kind == "separated":
        text = re.sub(rf"[,{THOUSANDS} ']", "", text)
    return Fraction(text)


def closing_of(tokens: Sequence[Token], start: int) -> int:
    """Return the index of the token that closes the bracket at `start`.

    Raises:
        ParseError: nothing closes it.
    """
    depth = 0
    for index in range(start, len(tokens)):
        token = tokens[index]
        if token.kind == "begin" or token.text in OPENING:
            depth += 1
        elif token.kind == "end" or token.text in CLOSING:
            depth -= 1
            if depth == 0:
                return index
    raise ParseError("a bracket is not closed")


def split(tokens: Sequence[Token], separators: frozenset[str]) -> list[tuple[Token, ...]]:
    """Split the tokens at separators outside all brackets.

    Raises:
        ParseError: the brackets do not match.
    """
    parts: list[tuple[Token, ...]] = []
    depth, start = 0, 0
    for index, token in enumerate(tokens):
        if token.kind == "begin" or token.text in OPENING:
            depth += 1
        elif token.kind == "end" or token.text in CLOSING:
            depth -= 1
            if depth < 0:
                raise ParseError("a bracket is not opened")
        elif depth == 0 and token.text in separators:
            parts.append(tuple(tokens[start:index]))
            start = index + 1
    if depth:
        raise ParseError("a bracket is not closed")
    parts.append(tuple(tokens[start:]))
    return parts
