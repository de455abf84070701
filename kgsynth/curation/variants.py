"""Variants: questions that share nearly all words but are different problems."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from kgsynth.final_answers.compare import Verdict, compare
from kgsynth.inflection import singular
from kgsynth.opposites import opposites

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+")
# Unify notations: contractions, fractions, powers, arrows, per cent. Remove numbers of exercises and of their parts.
_LAYOUT = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        (r"^\s*(?:(?:problem|exercise|question|example|task)\s+\d+(?:\.\d+)*[.:)]?|\d+[.)])\s+", ""),
        (r"(?<![^\s.;:?!])\((?:[a-h]|\d|i{1,3}|iv|v)\)(?=\s)", ""),
        (r"n['’]t\b", " not"),
        (r"['’]s\b", ""),
        (r"(?<=\d)(?:\{,\}|\\,|[\xa0\u202f])(?=\d{3}\b)", ","),
        (r"\bper ?cent\b", "%"),
        (r"\\[dt]?frac\b", "/"),
        (r"√", " sqrt "),
        (r"\*\*", "^"),
        (r"[-=]+>", " "),
        (r"<=", "≤"),
        (r">=", "≥"),
        (r"!=", "≠"),
        (r"(?<=[^\W\d_]{2}) [-−] (?=[^\W\d_]{2})", " "),
    )
)
_POWERS = {ord(raised): f"^{number}" for number, raised in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
# Symbols and LaTeX commands that change the problem. Symbols of products are ignored, since they are optional.
_SIGNS = {
    "÷": "/", "\\div": "/", "−": "-", "\\pm": "±", "\\mp": "±", "\\lt": "<", "\\gt": ">",
    "\\le": "≤", "\\leq": "≤", "\\leqslant": "≤", "\\ge": "≥", "\\geq": "≥", "\\geqslant": "≥",
    "\\ne": "≠", "\\neq": "≠", "\\equiv": "≡", "\\cup": "∪", "\\cap": "∩", "\\subset": "⊂", "\\subseteq": "⊆",
    "\\sum": "∑", "\\prod": "∏", "\\int": "∫",
}  # fmt: skip
_SIGN = re.compile(r"\\[A-Za-z]+|[-+/^=<>!%÷−±≤≥≠∪∩⊂⊆≡∑∏∫]")
# Names of functions, which may have a backslash.
_FUNCTIONS = frozenset(
    """
    arccos arcsin arctan cos cosh cot coth csc det exp gcd lcm ln log sec sin sinh sqrt tan tanh
    """.split()
)
_HYPHEN = re.compile(r"(?<=[^\W_])[-−](?=[^\W\d_]{2})")
# LaTeX commands and the article "a" are removed before variables, which are single letters, are searched.
_COMMAND_OR_ARTICLE = re.compile(r"\\[a-z]+|(?<!\S)a(?= [^\W\d_]{2})")
_VARIABLE = re.compile(r"(?<![^\W\d_])[^\W\d_](?![^\W\d_])")
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = {
    word: str(value) for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_TENS_AND_ONES = re.compile(rf"\b({'|'.join(_TENS)})[- ]({'|'.join(_NUMBER_WORDS[1:10])})\b")
# "One" is more often a pronoun than a number.
_COUNTING = {word: str(value) for value, word in enumerate(_NUMBER_WORDS) if word != "one"} | {
    **{word: f"{value}0" for word, value in _TENS.items()}, "hundred": "100", "thousand": "1000",
    "million": "1000000", "half": "1/2", "third": "3", "fourth": "4", "fifth": "5", "sixth": "6", "seventh": "7",
    "eighth": "8", "ninth": "9", "tenth": "10", "twice": "2", "double": "2", "triple": "3",
    "pentagon": "5", "hexagon": "6", "heptagon": "7", "octagon": "8", "nonagon": "9", "decagon": "10",
}  # fmt: skip
_WITH_ONE = _COUNTING | {"one": "1"}
_NEGATIONS = frozenset({"not", "no", "never", "without", "cannot", "non", "none", "neither", "nor"})


def difference(first: str, second: str, *, first_answer: str = "", second_answer: str = "") -> str:
    """Return the difference that makes two similar questions different problems; empty if they are the same problem.

    Questions are the same problem if only the wording, the names of variables or the layout of formulas differ.

    Args:
        first: a question.
        second: another question.
        first_answer: final answer of the first question, empty if unknown.
        second_answer: final answer of the second question, empty if unknown.

    Returns:
        `final answers`, `numbers`, `signs`, `negation`, `opposites`, `order` (of variables), or an empty string.
    """
    has_answers = bool(first_answer.strip() and second_answer.strip())
    if has_answers and compare(first_answer, second_answer) is Verdict.DIFFERENT:
        return "final answers"
    first_text, second_text = _plain(first), _plain(second)
    if _numbers(first_text) != _numbers(second_text) and _numbers(first_text, _WITH_ONE) != _numbers(
        second_text, _WITH_ONE
    ):
        return "numbers"
    first_words, second_words = _words(first_text), _words(second_text)
    if _signs(first_text) != _signs(second_text) or any(first_words[name] != second_words[name] for name in _FUNCTIONS):
        return "signs"
    only_first, only_second = first_words - second_words, second_words - first_words
    if sum(only_first[word] for word in _NEGATIONS) != sum(only_second[word] for word in _NEGATIONS):
        return "negation"
    # A word that is added to its opposite is a difference too: increasing; increasing or decreasing.
    if _are_opposed(only_first, only_second or second_words) or _are_opposed(only_second, only_first or first_words):
        return "opposites"
    first_order, second_order = _order(first_text), _order(second_text)
    return "order" if len(first_order) == len(second_order) and first_order != second_order else ""


def _plain(text: str) -> str:
    """Return a text in lower case with unified notation."""
    plain = text.translate(_POWERS).casefold().strip()
    for pattern, written in _LAYOUT:
        plain = pattern.sub(written, plain)
    return plain


def _words(text: str) -> Counter[str]:
    return Counter(map(singular, _WORD.findall(text)))


def _are_opposed(words: Iterable[str], others: Counter[str]) -> bool:
    return any(not opposites().get(word, frozenset()).isdisjoint(others) for word in words)


def _numbers(text: str, counting: Mapping[str, str] = _COUNTING) -> list[str]:
    """Return all numbers of a text in order, whether written in digits or as words."""
    text = _TENS_AND_ONES.sub(lambda match: _TENS[match[1]] + str(_NUMBER_WORDS.index(match[2])), text)
    spoken = _WORD.sub(lambda match: counting.get(singular(match.group()), match.group()), text)
    numbers = (number.replace(",", "") for number in _NUMBER.findall(spoken))
    return [number.rstrip("0").rstrip(".") if "." in number else number for number in numbers]


def _signs(text: str) -> Counter[str]:
    signs = (_SIGNS.get(sign, sign) for sign in _SIGN.findall(_HYPHEN.sub(" ", text)))
    # The remaining commands are layout or names of variables.
    return Counter(sign for sign in signs if not sign.startswith("\\"))


def _order(text: str) -> list[int]:
    """Return the variables in order, each as the index of its first occurrence: x/y is like a/b, not like y/x."""
    letters = _VARIABLE.findall(_COMMAND_OR_ARTICLE.sub(" ", text))
    return [letters.index(letter) for letter in letters]
