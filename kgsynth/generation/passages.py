"""Fit texts into prompts: cut them at word borders, or split them at section borders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kgsynth.generation.task import TokenCounter

# A shorter passage is omitted, since it is of no use.
_MIN_PASSAGE_TOKENS = 40
_CUT_MARK = " …"
# From strong to weak: headings of Markdown, LaTeX and reStructuredText, empty lines, line ends, sentence ends.
_BORDERS = (
    r"(?m)^(?=#{1,6} |\\(?:chapter|(?:sub){0,2}section)\b|[^\n]+\n(?:={3,}|-{3,}|~{3,})\n)",
    r"\n\s*\n",
    r"\n",
    r"(?<=[.?!])\s+",
    r"\s+",
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Passages for a prompt: their joined text, how many were cut, and how many characters of each it holds."""

    text: str
    cut: int = 0
    chars: tuple[int, ...] = ()


def fit(passages: Sequence[tuple[str, str]], room: int, count_tokens: TokenCounter) -> Fitted:
    """Join passages (title, text) under headings within `room` tokens; long ones share what short ones leave over."""
    if not passages:
        return Fitted("(no passages)")
    heads = [
        f"Passage {number}" + (f" ({title})" if title else "") + ":\n" for number, (title, _) in enumerate(passages, 1)
    ]
    room -= sum(count_tokens(head) + 4 for head in heads)
    costs = [count_tokens(text) for _, text in passages]
    fitted_texts: dict[int, str] = {}
    truncated = 0
    remaining = sorted(range(len(passages)), key=lambda index: costs[index])
    while remaining:
        index = remaining.pop(0)
        share = max(room, 0) // (len(remaining) + 1)
        text = passages[index][1].strip()
        if costs[index] > share:
            text = cut(text, share, count_tokens)
            truncated += 1
        fitted_texts[index] = text
        room -= count_tokens(text) if text else 0
    chars = tuple(shown_chars(passages[index][1], fitted_texts[index]) for index in range(len(passages)))
    return Fitted("\n\n".join(heads[index] + fitted_texts[index] for index in range(len(passages))), truncated, chars)


def shown_chars(text: str, shown: str) -> int:
    """Return how many characters of a text, from its start, `shown` covers, where `shown` is the result of `cut`."""
    if not shown:
        return 0
    if shown == text.strip():
        return len(text.rstrip())
    return len(text) - len(text.lstrip()) + len(shown) - len(_CUT_MARK)


def cut(text: str, tokens: int, count_tokens: TokenCounter) -> str:
    """Cut a text after the last word that fits `tokens`, with a mark; empty if it would be too short to be of use."""
    if count_tokens(text) <= tokens:
        return text
    if tokens < _MIN_PASSAGE_TOKENS:
        return ""
    ends = [word.end() for word in re.finditer(r"\S+", text)]
    if len(ends) < _MIN_PASSAGE_TOKENS:
        ends = list(range(1, len(text) + 1))  # a script without spaces
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if count_tokens(text[: ends[middle - 1]] + _CUT_MARK) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[: ends[low - 1]] + _CUT_MARK if low else ""


def split(text: str, tokens: int, count_tokens: TokenCounter) -> list[str]:
    """Split a text into parts of at most `tokens`, at the strongest possible borders; no text is left out.

    Adjacent sections stay together if they fit. A word that is longer than `tokens` is cut in the middle.
    """
    return [part for part in _split(text.strip(), max(tokens, 1), count_tokens, 0) if part.strip()]


def _split(text: str, tokens: int, count_tokens: TokenCounter, border: int) -> list[str]:
    if count_tokens(text) <= tokens:
        return [text]
    if border == len(_BORDERS):
        half = len(text) // 2
        if not half:
            return [text]
        return _split(text[:half], tokens, count_tokens, border) + _split(text[half:], tokens, count_tokens, border)
    starts = [0, *(match.end() for match in re.finditer(_BORDERS[border], text) if 0 < match.end() < len(text))]
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    if len(pieces) == 1:
        return _split(text, tokens, count_tokens, border + 1)
    parts: list[str] = []
    part = ""
    for piece in pieces:
        if part and count_tokens(part + piece) > tokens:
            parts.append(part)
            part = ""
        if count_tokens(piece) > tokens:
            parts += [part] if part else []
            parts += _split(piece, tokens, count_tokens, border + 1)
            part = ""
        else:
            part += piece
    return [*parts, part] if part else parts
