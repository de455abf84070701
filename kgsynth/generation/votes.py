r"""Final answers: found in a text, compared as mathematics, counted.

`\frac{1}{2}`, 0.5, 50 % and 1/2 are one answer. Comparing is math-verify's work; what it cannot read is compared as
text. Equality of one answer with another need not be transitive there, so answers are put to the first equal group.
"""

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_NAMED = re.compile(
    r"[\s*#_>]*(?:the )?final answer(?: is)?[\s*_]*[:=]?[\s*_]*(.+)|.*\b(?:the )?(?:final )?answer is:? (.+)",
    re.IGNORECASE,
)
# A line that names an answer is short; of many boxes the last ones count.
_MAX_LINE_CHARS = 1000
_MAX_BOXES = 20
_MAX_FINAL_CHARS = 500
# Numbers of so many digits cannot be computed, and no alarm ends the attempt: they are compared as text.
_EXPLOSIVE = re.compile(
    r"\^\s*\{[^{}]*(?:\^|\d{3,}[^{}]*(?:\*|\\cdot|\\times))|\^\s*\(?\d+\s*(?:\*|\\cdot|\\times)\s*\d{3,}|\^\s*\{?\s*\(?\d{5,}|\d{4,}\s*!|!\s*!|\^[^+\-*/=^]{0,12}\^|\^[^+\-*/=]{0,12}!"
)
_LIMIT_S = 3
# It warns of each alarm; what could not be compared is counted as different.
logging.getLogger("math_verify").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Majority:
    """The winner of a vote: place of the first text that ends in it, and how many of how many agree."""

    place: int
    agreeing: int
    votes: int

    @property
    def agreement(self) -> float:
        """Share of all votes, those without a final answer included, in (0, 1]."""
        return self.agreeing / self.votes


def final_answer(text: str) -> str:
    r"""What a solution ends in: the last `\boxed{…}`, else the last line that names an answer; empty for none."""
    for found in reversed(list(_BOXED.finditer(text))[-_MAX_BOXES:]):
        inside = _braced(text, found.end())
        if inside.strip():
            return _clean(inside)
    for line in reversed(text.splitlines()):
        named = _NAMED.match(line) if len(line) <= _MAX_LINE_CHARS else None
        if named:
            return _clean(next(group for group in named.groups() if group).strip(" \t*_"))
    return ""


def are_equal(first: str, second: str) -> bool:
    """Whether two final answers say the same, as mathematics or, failing that, as text."""
    one, other = _text_form(first), _text_form(second)
    if one == other:
        return True
    if not (_is_mathematical(first) and _is_mathematical(second)):
        return False
    return _verified(first, second)


def majority(answers: Sequence[str]) -> Majority | None:
    """The answer that most votes end in; of equals the one that came first. None when no vote has a final answer."""
    groups: list[list[int]] = []
    for place, answer in enumerate(answers):
        if not answer:
            continue
        group = next((group for group in groups if are_equal(answers[group[0]], answer)), None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    if not groups:
        return None
    best = max(groups, key=lambda group: (len(group), -group[0]))
    return Majority(place=best[0], agreeing=len(best), votes=len(answers))


def _braced(text: str, start: int) -> str:
    depth = 1
    for place in range(start, len(text)):
        escaped = place and text[place - 1] == "\\"
        if text[place] == "{" and not escaped:
            depth += 1
        elif text[place] == "}" and not escaped:
            depth -= 1
            if not depth:
                return text[start:place]
    return ""


def _clean(answer: str) -> str:
    answer = " ".join(answer.split())
    boxed = _BOXED.match(answer)
    if boxed:
        answer = _braced(answer, boxed.end()) or answer
    return answer.strip().rstrip(".").strip()[:_MAX_FINAL_CHARS]


def _text_form(answer: str) -> str:
    bare = re.sub(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}", r"\1", answer)
    bare = re.sub(r"\\[,;:! ]|\\left|\\right|\\displaystyle|[$]", "", bare).replace("\\dfrac", "\\frac")
    return " ".join(bare.casefold().split()).strip(" .")


def _is_mathematical(answer: str) -> bool:
    """Whether there is something to compute with, and no number that would fill the memory."""
    return bool(re.search(r"\d|\\[a-zA-Z]|[+*/^=]|\b[a-zA-Z]\b", answer)) and not _EXPLOSIVE.search(answer)


@lru_cache(maxsize=4096)
def _parsed(answer: str) -> tuple[Any, ...]:
    from math_verify import parse

    # math-verify takes 50 % for 50 as well as for 1/2; here it is 1/2 alone.
    bare = re.sub(r"(\d+(?:\.\d+)?)\s*\\?%", r"\\frac{\1}{100}", answer.strip().strip("$").strip())
    return tuple(parse(f"${bare}$", parsing_timeout=_timeout_s()))


def _verified(first: str, second: str) -> bool:
    from math_verify import verify

    one, other = list(_parsed(first)), list(_parsed(second))
    if not one or not other:
        return False
    # The order matters to math-verify for sets and relations: what is equal one way is equal.
    timeout_s = _timeout_s()
    return bool(verify(one, other, timeout_seconds=timeout_s) or verify(other, one, timeout_seconds=timeout_s))


def _timeout_s() -> int | None:
    # The time limit is an alarm, which Python has in the main thread only.
    return _LIMIT_S if threading.current_thread() is threading.main_thread() else None
