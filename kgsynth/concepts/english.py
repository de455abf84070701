"""Candidates for key phrases in English: noun phrases of two to four words, and the signs that a text names a concept.

Words are of three kinds. Function words and plain verbs end a phrase. Plain adjectives and nouns (real, open, class,
number) may stand in a phrase, but speak against it. All others are content. Two content parts may be linked by `of`
(axiom of choice). Which plain words are names is a question of evidence: titles, emphasis, definitions, links.

Source: patterns as of Justeson & Katz, "Technical terminology: some linguistic properties and an algorithm for
identification in text", 1995 (adjectives and nouns, with one preposition); the signs are our own choice, measured by
tests/benchmarks/key_phrases.py.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product
from typing import NamedTuple

from kgsynth.concepts.languages import stop_words
from kgsynth.concepts.latex_words import detex
from kgsynth.inflection import singular
from kgsynth.names import fold, word_key

MAX_WORDS = 4
LINK = "of"

_NAME_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_TOKEN = re.compile(rf"{_NAME_WORD.pattern}|[^\w\s]|_|\n\s*\n")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W_]+)*|[^\w\s]")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_MAX_SPAN_CHARS = 80
# Emphasis of LaTeX, Markdown and HTML-made text; what a text defines or links.
_EMPHASIS = re.compile(
    r"\\(?:emph|textbf|textit|textsl|defn|defterm|term|PMlinkname|PMlinkid|PMlinkescapetext)\{([^{}]{3,80})\}"
    r"|\{\\(?:em|bf|it|sl)\s([^{}]{3,80})\}"
    r"|(?<![*\w])\*{1,3}(?![\s*])([^*\n]{3,80}?)(?<!\s)\*{1,3}(?![*\w])"
    r"|(?<![_\w])_{1,2}(?![\s_])([^_\n]{3,80}?)(?<!\s)_{1,2}(?![_\w])"
)
_LINK = re.compile(r"\[\[([^\[\]|\n]{3,80})|\[([^\[\]\n]{3,80})\]\(")
_HEADING = re.compile(r"^#{1,6}[ \t]+(.{3,120}?)[ \t#]*$|\\(?:sub)*section\*?\{([^{}]{3,120})\}", re.MULTILINE)
_DEFINED = re.compile(
    r"\b(?:is|are|was|were) (?:often |also |usually |sometimes |then |commonly )?"
    r"(?:called|named|termed|known as|said to be|referred to as)"
    r" (?:an? |the )?|\b(?:known as|so-called|we call (?:it|this|them|such)|called) (?:an? |the )?"
    r"|\bdefinition of (?:an? |the )?",
    re.IGNORECASE,
)
_DEFINES_BEFORE = re.compile(
    r"^\W*(?:an?|the) ([^.,;:()\n]{3,60}?) (?:is|are) (?:an?|the|any|called|defined)\b", re.IGNORECASE | re.MULTILINE
)
_DEFINED_END = re.compile(
    r"[.,;:()\n\N{CURRENCY SIGN}]| (?:if|when|and|or|of|in|by|for|with|because|since|where|which|that)\b"
)
_TITLE_BORDER = re.compile(r"[:;,()|–—]|\s-\s")
_SOFTWARE_SHARE = 0.05


class Candidate(NamedTuple):
    """A phrase in a text.

    `words` are folded, the last of each part in the singular: all ways to write one phrase share them.
    """

    words: tuple[str, ...]
    surface: str
    plain: int  # how many of its words are plain
    size: int  # content words, those that hyphens join counted each
    is_plural: bool  # its last word is written in the plural


@cache
def function_words() -> frozenset[str]:
    """Words that end a phrase."""
    return stop_words("english") - plain_words()


@cache
def plain_words() -> frozenset[str]:
    """Words that may stand in a phrase and speak against it."""
    return stop_words("english_plain")


def is_software(text: str) -> bool:
    """Whether a text is of a software manual, by its share of words that such manuals use for the program itself."""
    words = [fold(word) for word in _LONG_WORD.findall(text)]
    software = stop_words("software")
    return sum(word in software for word in words) > _SOFTWARE_SHARE * max(1, len(words))


def candidates(text: str, *, extra_stop_words: Iterable[str] = ()) -> Iterator[Candidate]:
    """The phrases of a text, each as often as it stands there.

    Args:
        text: words without LaTeX, code and tables.
        extra_stop_words: folded words that no phrase may hold.
    """
    stops = function_words().union(extra_stop_words)
    if is_software(text):
        stops |= stop_words("software")
    before: list[tuple[str, str]] = []
    for run, link, following in _runs(text, stops):
        yield from _phrases(run)
        # Before `and` an adjective may have lost its noun: elements of structural and systematic botany.
        if link == LINK and before and following not in ("and", "or"):
            yield from _linked(before, run)
        before = run


def _runs(text: str, stops: frozenset[str]) -> Iterator[tuple[list[tuple[str, str]], str, str]]:
    """Runs of words that may stand in a phrase, as (folded, as written), each with what stands before it and after it.

    Before it stand all words since the last run, with blanks between.
    """
    run: list[tuple[str, str]] = []
    link = between = ""
    for found in _TOKEN.finditer(text):
        word = found.group()
        folded = fold(word)
        if word[0].isalpha() and len(word) > 1 and folded not in stops and _is_word(word, folded):
            if not run:
                link, between = between, ""
            run.append((folded, word))
            continue
        if run:
            yield run, link, folded
            run, between = [], folded
        else:
            between += f" {folded}"
    if run:
        yield run, link, ""


def _is_word(word: str, folded: str) -> bool:
    """Not a number, and not an identifier: no capital inside a word, no all-capital word over five letters."""
    if any(char.isdigit() for char in word) or folded in _CARDINALS or folded.split("-", 1)[0] in _CARDINALS:
        return False
    inner = word[1:]
    return inner.islower() or "-" in word or "'" in word or "’" in word or (word.isupper() and len(word) <= 5)


_CARDINALS = frozenset(
    """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen
    """.split()
)
# Before a verb; after one of them a noun is rare.
_BEFORE_VERBS = frozenset(
    """to can could may might must shall should will would cannot we they you i let's does did do don't doesn't didn't
    please not""".split()
)
# Plurals that stand inside names all the same: least squares problem, k-means clustering.
_INNER_PLURALS = frozenset(
    {"squares", "means", "words", "games", "sums", "differences", "elements", "equations", "axes"}
)


@cache
def _is_plural(word: str) -> bool:
    return singular(word) != word


def _may_end(run: list[tuple[str, str]], last: int) -> bool:
    """Whether a phrase may end here: with no adverb, possessive or participle, but that of an adverb."""
    word = run[last][0]
    if word.endswith(("ly", "'s", "s'", "’s")):
        return False
    return not word.endswith("ed") or (last > 0 and run[last - 1][0].endswith("ly"))


def _part(run: list[tuple[str, str]], first: int, last: int) -> tuple[str, ...] | None:
    """The folded words of a part of a run with the last in the singular; None where it is no noun phrase."""
    if not _may_end(run, last):
        return None
    inner = [folded for folded, _ in run[first:last]]
    if any(_is_plural(word) and word not in _INNER_PLURALS for word in inner if not word.endswith(("'s", "’s"))):
        return None
    return (*inner, word_key(run[last][1]))


def _phrases(run: list[tuple[str, str]]) -> Iterator[Candidate]:
    for first in range(len(run)):
        if "-" in run[first][0] and (alone := _part(run, first, first)):
            yield _candidate(alone, run[first : first + 1])
        for last in range(first + 1, min(len(run), first + MAX_WORDS)):
            words = _part(run, first, last)
            if words is not None and len(set(words)) == len(words):
                yield _candidate(words, run[first : last + 1])


def _linked(before: list[tuple[str, str]], run: list[tuple[str, str]]) -> Iterator[Candidate]:
    """`A of B` with one or two words on both sides, where B is all that follows or its first words."""
    for left, right in product((1, 2), (1, 2)):
        if left > len(before) or right > len(run):
            continue
        head = _part(before, len(before) - left, len(before) - 1)
        rest = _part(run, 0, right - 1)
        if head is None or rest is None or set(head) & set(rest):
            continue
        # The second part keeps its number: law of large numbers, axiom of choice.
        words = (*head, LINK, *(folded for folded, _ in run[:right]))
        yield _candidate(words, [*before[-left:], (LINK, LINK), *run[:right]], head=before[-1][1])


def _candidate(words: tuple[str, ...], run: list[tuple[str, str]], head: str = "") -> Candidate:
    # A word with a hyphen is an adjective more often than a name.
    plain = sum(folded in plain_words() for folded, _ in run) + (len(run) == 1)
    size = len(words) - (LINK in words) if len(words) > 1 else 1 + words[0].count("-")
    last = head or run[-1][1]
    return Candidate(words, " ".join(written for _, written in run), plain, size, word_key(last) != fold(last))


def verb_places(text: str) -> Iterator[tuple[str, bool]]:
    """The folded words of a text, each with whether a word that goes before verbs stands before it."""
    before = ""
    for found in _WORD.finditer(text):
        folded = fold(found.group())
        yield folded, before in _BEFORE_VERBS
        before = folded


def named(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a text marks as the name of something, as (sign, words): `emphasis`, `link`, `heading`, `definition`.

    Args:
        text: Markdown or LaTeX as it was read.
    """
    for sign, pattern in (
        ("emphasis", _EMPHASIS),
        ("link", _LINK),
        ("heading", _HEADING),
        ("definition", _DEFINES_BEFORE),
    ):
        for found in pattern.finditer(text):
            words = key(next(filter(None, found.groups()), ""))
            if _has_parts(words):
                yield sign, words
    plain = detex(text)
    for found in _DEFINED.finditer(plain):
        # A definition names the longest phrase that follows.
        words = key(_DEFINED_END.split(plain[found.end() : found.end() + _MAX_SPAN_CHARS])[0])
        for size in range(2, MAX_WORDS + 1):
            if len(words) >= size:
                yield "definition", (*words[: size - 1], singular(words[size - 1]))


def title_keys(title: str) -> Iterator[tuple[str, ...]]:
    """The words of a title and of its parts, such as those before and after a colon."""
    for part in {title, *_TITLE_BORDER.split(title)}:
        words = key(part)
        if _has_parts(words):
            yield words


def _has_parts(words: tuple[str, ...]) -> bool:
    """Whether a name has several words, or one with a hyphen."""
    return len(words) > 1 or "-" in "".join(words)


def key(name: str) -> tuple[str, ...]:
    """The words under which a name's phrase is counted."""
    words = [fold(word) for word in _NAME_WORD.findall(detex(name))]
    while words and words[0] in ("a", "an", "the"):
        words = words[1:]
    if not words:
        return ()
    if LINK in words[1:-1]:
        cut = words.index(LINK, 1)
        return (*words[: cut - 1], singular(words[cut - 1]), *words[cut:])
    return (*words[:-1], singular(words[-1]))
