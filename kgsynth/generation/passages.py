"""Texts made to fit a prompt: cut at word borders, or split at section borders into parts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kgsynth.generation.task import TokenCounter

# A shorter piece of a passage says nothing.
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
    """Passages as a prompt holds them: their text, how many were cut, and how many characters of each are shown."""

    text: str
    cut: int = 0
    chars: tuple[int, ...] = ()


def fit(passages: Sequence[tuple[str, str]], room: int, count_tokens: TokenCounter) -> Fitted:
    """All passages (title, text) under headings within `room` tokens; a short one leaves its share to the others."""
    if not passages:
        return Fitted("(no passages)")
    heads = [
        f"Passage {number}" + (f" ({title})" if title else "") + ":\n" for number, (title, _) in enumerate(passages, 1)
    ]
    room -= sum(count_tokens(head) + 4 for head in heads)
    costs = [count_tokens(text) for _, text in passages]
    kept: dict[int, str] = {}
    truncated = 0
    remaining = sorted(range(len(passages)), key=lambda index: costs[index])
    while remaining:
        index = remaining.pop(0)
        share = max(room, 0) // (len(remaining) + 1)
        text = passages[index][1].strip()
        if costs[index] > share:
            text = cut(text, share, count_tokens)
            truncated += 1
        kept[index] = text
        room -= count_tokens(text) if text else 0
    chars = tuple(shown_chars(passages[index][1], kept[index]) for index in range(len(passages)))
    return Fitted("\n\n".join(heads[index] + kept[index] for index in range(len(passages))), truncated, chars)


def shown_chars(text: str, shown: str) -> int:
    """Characters of a text, from its start, of which `cut` shows so much."""
    if not shown:
        return 0
    if shown == text.strip():
        return len(text.rstrip())
    return len(text) - len(text.lstrip()) + len(shown) - len(_CUT_MARK)


def cut(text: str, tokens: int, count_tokens: TokenCounter) -> str:
    """The longest run of words from the start within `tokens`, marked as cut; empty when it would say nothing."""
    if count_tokens(text) <= tokens:
        return text
    if tokens < _MIN_PASSAGE_TOKENS:
        return ""
    ends = [found.end() for found in re.finditer(r"\S+", text)]
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
    """The text in parts of at most `tokens`, cut at the strongest borders that do; nothing of it is left out.

    Neighbouring sections are kept together while they fit. A run of characters without any border that is longer than
    `tokens` is cut where it must be.
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
    starts = [0, *(found.end() for found in re.finditer(_BORDERS[border], text) if 0 < found.end() < len(text))]
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    if len(pieces) == 1:
        return _split(text, tokens, count_tokens, border + 1)
    parts: list[str] = []
    held = ""
    for piece in pieces:
        if held and count_tokens(held + piece) > tokens:
            parts.append(held)
            held = ""
        if count_tokens(piece) > tokens:
            parts += [held] if held else []
            parts += _split(piece, tokens, count_tokens, border + 1)
            held = ""
        else:
            held += piece
    return [*parts, held] if held else parts
