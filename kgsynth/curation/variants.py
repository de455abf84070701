"""Variants: questions that share nearly all of their words and are other problems all the same."""

import re
from collections import Counter

from kgsynth.final_answers.compare import Verdict, compare
from kgsynth.opposites import opposites

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
# Signs and LaTeX commands that change what is asked.
_SIGNS = {
    "\\cdot": "*", "\\times": "*", "×": "*", "·": "*", "÷": "/", "\\div": "/", "−": "-", "\\pm": "±", "\\mp": "±",
    "\\le": "≤", "\\leq": "≤", "\\ge": "≥", "\\geq": "≥", "\\lt": "<", "\\gt": ">", "\\ne": "≠", "\\neq": "≠",
    "\\cup": "∪", "\\cap": "∩", "\\subset": "⊂", "\\subseteq": "⊆", "\\equiv": "≡", "\\max": "max", "\\min": "min",
    "\\sin": "sin", "\\cos": "cos", "\\tan": "tan", "\\sum": "∑", "\\prod": "∏", "\\int": "∫", "\\sqrt": "√",
}  # fmt: skip
_SIGN = re.compile(r"\\[A-Za-z]+|[-+*/^=<>!%×·÷−±≤≥≠∪∩⊂⊆≡∑∏∫√]")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-−](?=[^\W\d_]{2})")
_SPOKEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
)
# "One" is a pronoun more often.
_COUNTING = {word: str(value) for value, word in enumerate(_SPOKEN) if word != "one"} | {
    "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "thousand": "1000",
    "million": "1000000", "half": "1/2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7",
    "eighth": "8", "ninth": "9", "tenth": "10", "twice": "2", "double": "2", "triple": "3",
}  # fmt: skip
_NEGATIONS = frozenset({"not", "no", "never", "without", "cannot", "isn", "doesn", "non"})


def difference(first: str, second: str, *, first_answer: str = "", second_answer: str = "") -> str:
    """In what two questions that share most of their words differ so that they are other problems; empty for nothing.

    Questions are the same where only the wording, the names of variables or the layout of formulas differ.

    Args:
        first: a question.
        second: another one.
        first_answer: its final answer, empty where none is known.
        second_answer: the same of the other question.

    Returns:
        `final answers`, `numbers`, `signs`, `negation`, `opposites`, or nothing.
    """
    known = bool(first_answer.strip() and second_answer.strip())
    if known and compare(first_answer, second_answer) is Verdict.DIFFERENT:
        return "final answers"
    one, other = first.casefold(), second.casefold()
    if _numbers(one) != _numbers(other):
        return "numbers"
    if _signs(one) != _signs(other):
        return "signs"
    ours, theirs = Counter(_WORD.findall(one)), Counter(_WORD.findall(other))
    only_ours, only_theirs = ours - theirs, theirs - ours
    if sum(only_ours[word] for word in _NEGATIONS) != sum(only_theirs[word] for word in _NEGATIONS):
        return "negation"
    known_opposites = opposites()
    if any(not known_opposites.get(word, frozenset()).isdisjoint(only_theirs) for word in only_ours):
        return "opposites"
    return ""


def _numbers(text: str) -> list[str]:
    """All numbers of a text in their order, written in digits or as words."""
    spoken = _WORD.sub(lambda found: _COUNTING.get(found.group(), found.group()), text)
    return [number.replace(",", "") for number in _NUMBER.findall(spoken)]


def _signs(text: str) -> Counter[str]:
    found = (_SIGNS.get(sign, sign) for sign in _SIGN.findall(_HYPHEN.sub(" ", text)))
    # Other commands are layout or names of variables.
    return Counter(sign for sign in found if not sign.startswith("\\"))
