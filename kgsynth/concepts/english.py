"""Candidates for English key phrases: noun phrases of two to four words, and marks that a text names a concept.

There are three kinds of words. Function words and common verbs end a phrase. Plain adjectives and nouns (real, open,
class, number) may occur in a phrase but lower its score, and so do single capitals (vitamin C). All other words are
content. Two content parts may be linked by `of` (axiom of choice). Marks by documents, such as titles, emphasis,
definitions and links, raise the score.

Source: patterns from Justeson & Katz, "Technical terminology: some linguistic properties and an algorithm for
identification in text", 1995 (adjectives and nouns, with one preposition); the marks are our own choice, measured by
tests/benchmarks/key_phrases.py.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from kgsynth.concepts.languages import stop_words
from kgsynth.concepts.latex_words import detex
from kgsynth.inflection import is_adverb, is_past_form, singular
from kgsynth.names import acronym_of, fold, word_key

MAX_WORDS = 4
LINK = "of"

# An apostrophe after -s belongs to the word if another word follows: Gauss' lemma.
_NAME_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*(?:(?<=[sS])['’](?=\s+[^\W_]))?")
_TOKEN = re.compile(rf"{_NAME_WORD.pattern}|[^\w\s]|_|\n\s*\n")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W_]+)*|[^\w\s]")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_HYPHENED_WORD = re.compile(r"[\w-]+")
_MAX_SPAN_CHARS = 80
_CACHED = 100_000
# Emphasis in LaTeX and Markdown.
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
# Number of different words that suffices with a share of all words.
_DIFFERENT_SOFTWARE_WORDS = ((8, _SOFTWARE_SHARE), (4, 0.1))


# Words before a digit within a name: type 2 diabetes, omega 3 fatty acid.
_BEFORE_DIGITS = frozenset(
    "class degree factor generation grade group interleukin level omega phase rank stage tier type".split()
)
# L1, B12; with a first capital, so that no variable of a program is taken for one.
_LETTERS_AND_DIGITS = re.compile(r"[A-Z]{1,2}[0-9]{1,2}")
# A capital A after these words is no article.
_VARIABLE_A = re.compile(r"\b(?:and|by|for|from|if|in|of|on|or|over|that|to|when|where|with|[Ll]et) A\b")
_QUOTES = frozenset("'‘’")


class Candidate(NamedTuple):
    """An occurrence of a phrase in a text.

    `words` are folded, with the last word of each part in the singular; all spellings of a phrase share them.
    """

    words: tuple[str, ...]
    surface: str
    plain: int  # number of plain words
    size: int  # number of content words; parts of hyphenated words count separately
    is_plural: bool  # whether the last word is written in the plural


@cache
def function_words() -> frozenset[str]:
    """Return the words that end a phrase."""
    return stop_words("english") - plain_words()


@cache
def plain_words() -> frozenset[str]:
    """Return the words that may occur in a phrase but lower its score."""
    return stop_words("english_plain")


def is_software(text: str) -> bool:
    """Return whether a text belongs to a software manual.

    Such a text has a high share of words that manuals use for programs, and one of these words occurs in no other field
    (dtype) or many of them are different. A short text about string theory or equivalence classes has only the share.
    """
    words = _LONG_WORD.findall(text)
    software = [folded for word in words if (folded := fold(word)) in stop_words("software")]
    if len(software) <= _SOFTWARE_SHARE * len(words):
        return False
    different = len(set(map(singular, software)))
    if any(different >= least and len(software) > share * len(words) for least, share in _DIFFERENT_SOFTWARE_WORDS):
        return True
    return any(fold(word) in stop_words("software_only") for word in _HYPHENED_WORD.findall(text))


def candidates(
    text: str, *, extra_stop_words: Iterable[str] = (), is_manual: bool | None = None
) -> Iterator[Candidate]:
    """Yield all occurrences of candidate phrases in a text.

    Args:
        text: prose without LaTeX, code and tables.
        extra_stop_words: further folded words that end a phrase.
        is_manual: whether the text belongs to a software manual; None to find out by `is_software`.
    """
    stops = function_words().union(extra_stop_words)
    if is_software(text) if is_manual is None else is_manual:
        stops |= stop_words("software")
    runs = list(_runs(text, stops))
    # A letter that stands alone somewhere is a variable in this text: a ring R, where R is given.
    variables = {run[0][0] for run, _, _ in runs if len(run) == 1 and is_symbolic(run[0][0])}
    if _VARIABLE_A.search(text):
        variables.add("a")
    before: list[tuple[str, str]] = []
    for run, link, following in runs:
        parts = list(_without(variables, run))
        for part in parts:
            yield from _phrases(part)
        # Before `and` an adjective may lack its noun: elements of structural and systematic botany.
        if link == LINK and before and following not in ("and", "or"):
            yield from _linked(before, parts[0])
        before = parts[-1]


def _runs(text: str, stops: frozenset[str]) -> Iterator[tuple[list[tuple[str, str]], str, str]]:
    """Yield runs of words (folded, as written) that may form phrases, each with the text before and the word after it.

    The text before a run has all words since the previous run, separated by spaces.
    """
    run: list[tuple[str, str]] = []
    link = skipped = ""
    is_quoted = False
    for match in _TOKEN.finditer(text):
        word = match.group()
        if word in _QUOTES:
            is_quoted = text[match.end() : match.end() + 1].isalnum()
        closes = is_quoted and word[-1] in _QUOTES and len(word) > 1
        word = word[:-1] if closes else word
        folded = _folded(word)
        if _is_symbol(word, run) or (word[0].isalpha() and folded not in stops and _is_word(word, folded)):
            if not run:
                link, skipped = skipped, ""
            run.append((folded, word))
            if not closes:
                continue
            folded = ""
        is_quoted = is_quoted and not closes
        if run:
            yield run, link, folded
            run, skipped = [], folded
        else:
            skipped += f" {folded}"
    if run:
        yield run, link, ""


def _without(variables: Collection[str], run: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield the parts of a run between variables."""
    start = 0
    for position, (folded, _) in enumerate(run):
        if folded in variables:
            yield run[start:position]
            start = position + 1
    yield run[start:]


@lru_cache(maxsize=_CACHED)
def _folded(word: str) -> str:
    return fold(word).replace("’", "'")


def _is_symbol(word: str, before: list[tuple[str, str]]) -> bool:
    """Return whether a word is a letter or number that may occur in a name, given the words before it in its run.

    These are single capitals (vitamin C; A only after a word, I never), letters with digits (L1), and single digits
    after words such as type.
    """
    if len(word) == 1 and word.isascii():
        if word.isdigit():
            return bool(before) and before[-1][0] in _BEFORE_DIGITS
        return word.isupper() and word != "I" and (word != "A" or bool(before))
    return _LETTERS_AND_DIGITS.fullmatch(word) is not None


def is_symbolic(word: str) -> bool:
    """Return whether a word is a single letter, or ends in a digit."""
    return len(word) == 1 or word[-1].isdigit()


@lru_cache(maxsize=_CACHED)
def _is_word(word: str, folded: str) -> bool:
    """Return whether a word is no number and no identifier (inner capitals, or more than five capitals)."""
    if len(word) == 1 or any(char.isdigit() for char in word) or _is_numeral(folded):
        return False
    inner = word[1:]
    is_acronym = (word.isupper() and len(word) <= 5) or acronym_of(word)
    return inner.islower() or "-" in word or "'" in word or "’" in word or bool(is_acronym)


def _is_numeral(folded: str) -> bool:
    """Return whether a word is a numeral: two, twenty-five, two-thirds; but not two-sided."""
    first, *rest = folded.split("-")
    return first in _CARDINALS and all(part in _CARDINALS or part in _FRACTIONS for part in rest)


_CARDINALS = frozenset(
    """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen
    """.split()
)
_FRACTIONS = frozenset(
    """half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths
    first second seventh ninth""".split()
)
# Words that precede verbs and rarely nouns.
_BEFORE_VERBS = frozenset(
    """to can could may might must shall should will would cannot we they you i let's does did do don't doesn't didn't
    please not""".split()
)
_POSSESSIVE = ("'s", "s'")
# Case law and a note value are names; the second case and a similar note are not.
_NO_HEADS = frozenset({"case", "note"})
# Plurals that occur within names: least squares problem, k-means clustering.
_INNER_PLURALS = frozenset(
    {"squares", "means", "words", "games", "sums", "differences", "elements", "equations", "axes"}
)


@cache
def _is_plural(word: str) -> bool:
    return singular(word) != word


def _may_end(run: list[tuple[str, str]], last: int) -> bool:
    """Return whether a phrase may end at a word: no digit, adverb, possessive, or participle without an adverb."""
    word = run[last][0]
    if word.isdigit() or word in _NO_HEADS or is_adverb(word) or word.endswith(_POSSESSIVE):
        return False
    return not is_past_form(word) or (last > 0 and is_adverb(run[last - 1][0]))


def _part(run: list[tuple[str, str]], first: int, last: int) -> tuple[str, ...] | None:
    """Return the folded words of a part of a run with the last in the singular; None if it is no noun phrase."""
    if not _may_end(run, last):
        return None
    inner = [folded for folded, _ in run[first:last]]
    if any(_is_plural(word) and word not in _INNER_PLURALS for word in inner if not word.endswith(_POSSESSIVE)):
        return None
    if sum(map(is_symbolic, (*inner, run[last][0]))) > (first < last) or run[first][0].isdigit():
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
    """Yield phrases `A of B` with one or two words on each side, where B begins the run after `of`."""
    for left, right in product((1, 2), (1, 2)):
        if left > len(before) or right > len(run):
            continue
        head = _part(before, len(before) - left, len(before) - 1)
        rest = _part(run, 0, right - 1)
        if head is None or rest is None or set(head) & set(rest):
            continue
        # The second part is not put into the singular: law of large numbers, axiom of choice.
        words = (*head, LINK, *(folded for folded, _ in run[:right]))
        yield _candidate(words, [*before[-left:], (LINK, LINK), *run[:right]], head=before[-1][1])


def _candidate(words: tuple[str, ...], run: list[tuple[str, str]], head: str = "") -> Candidate:
    # A word with a hyphen is an adjective more often than a name, and a letter is a variable more often.
    plain = sum(_is_plain(folded) for folded, _ in run) + (len(run) == 1)
    size = len(words) - (LINK in words) if len(words) > 1 else 1 + words[0].count("-")
    last = head or run[-1][1]
    return Candidate(words, " ".join(written for _, written in run), plain, size, word_key(last) != fold(last))


@cache
def _is_plain(folded: str) -> bool:
    is_counting = folded.split("-", 1)[0] in _CARDINALS
    return folded in plain_words() or is_counting or (is_symbolic(folded) and not folded.isdigit())


def verb_places(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the folded words of a text, each with whether the word before it usually precedes verbs."""
    before = ""
    for match in _WORD.finditer(text):
        folded = fold(match.group())
        yield folded, before in _BEFORE_VERBS
        before = folded


def named(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield phrases that a text marks as names, as (mark, words): `emphasis`, `link`, `heading`, `definition`.

    Args:
        text: unchanged Markdown or LaTeX.
    """
    for sign, pattern in (
        ("emphasis", _EMPHASIS),
        ("link", _LINK),
        ("heading", _HEADING),
        ("definition", _DEFINES_BEFORE),
    ):
        for match in pattern.finditer(text):
            words = key(next(filter(None, match.groups()), ""))
            if _has_parts(words):
                yield sign, words
    plain = detex(text)
    for match in _DEFINED.finditer(plain):
        # The defined name may be any of the phrases that begin after the mark.
        words = key(_DEFINED_END.split(plain[match.end() : match.end() + _MAX_SPAN_CHARS])[0])
        for size in range(2, MAX_WORDS + 1):
            if len(words) >= size:
                yield "definition", (*words[: size - 1], singular(words[size - 1]))


def title_keys(title: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a title and of its parts, for example before and after a colon."""
    for part in {title, *_TITLE_BORDER.split(title)}:
        words = key(part)
        if _has_parts(words):
            yield words


def _has_parts(words: tuple[str, ...]) -> bool:
    """Return whether a name has several words, or a hyphenated word."""
    return len(words) > 1 or "-" in "".join(words)


def key(name: str) -> tuple[str, ...]:
    """Return the words under which the phrase of a name is counted."""
    words = [_folded(word) for word in _NAME_WORD.findall(detex(name))]
    while words and words[0] in ("a", "an", "the"):
        words = words[1:]
    if not words:
        return ()
    if LINK in words[1:-1]:
        cut = words.index(LINK, 1)
        return (*words[: cut - 1], singular(words[cut - 1]), *words[cut:])
    return (*words[:-1], singular(words[-1]))
