"""Decide whether a hyphen at the end of a line only divides a word, and join words in plain text."""

import re
from collections.abc import Callable, Iterable

WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*\Z")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
# A word of small letters that a hyphen divides; a soft hyphen or the sign of some scanned books may divide it too.
_DIVIDED = re.compile(
    r"(?<![^\s(\[\"'“‘«„])((?:[^\W\d_]+-)*[^\W\d_]{2,})([-\u2010\xad¬])[ \t]*\n([ \t]*)"
    r"([^\W\d_]{2,}(?:-[^\W\d_]+)*)([.,;:!?)\]\"'’”»]*)(?:[ \t]+|(\n)|\Z)"
)
_SURE_MARKS = "\xad¬"
# Words after a hyphen that stands for the rest of a word, as in "pre- and post-war".
_AFTER_SUSPENDED = frozenset("and or to und oder bis et ou y o e".split())
# Words that form compounds with a hyphen.
_BEFORE_HYPHENS = frozenset(["self", "well"])
_AT_LINE_END = re.compile(r"(?<!\S)\S*[-\u2010\xad¬][ \t]*\n\s*\S*")
# Running text is a line of words with single spaces, in a paragraph of at least this number of words.
_FEWEST_WORDS = 8
_PROSE_LINE = re.compile(r"\s*\S+(?: \S+)*\s*")
_PARAGRAPH_CHARS = 400


class WordList:
    """The words of a document, which are collected when they are first needed."""

    def __init__(self, texts: Callable[[], Iterable[str]]) -> None:
        """Create the list from a function that returns the texts of the document."""
        self._texts = texts
        self._words: set[str] | None = None

    def has(self, word: str) -> bool:
        """Return whether the document has a word, given in small letters."""
        if self._words is None:
            self._words = {word for text in self._texts() for word in WORDS.findall(text.casefold())}
        return word in self._words

    def keeps_hyphen(self, stem: str, text: str) -> bool:
        """Return whether the hyphen between the end of a line and the next line is part of a word."""
        last_word, first_word = _LAST_WORD.search(stem[-60:]), _FIRST_WORD.match(text)
        if not last_word or not first_word:
            return True
        left, right = last_word.group(), first_word.group()
        if right[0].isupper() and not (left.isupper() and right.isupper()):
            return True
        stem_parts = left.rpartition("-")
        joined, with_hyphen = f"{stem_parts[2]}{right}".casefold(), f"{left}-{right}".casefold()
        if self.has(joined):
            return False
        return bool(stem_parts[0]) or self.has(with_hyphen)


def words_of(text: str) -> WordList:
    """Return the words of plain text without the pieces of words that may be divided."""
    return WordList(lambda: [_AT_LINE_END.sub(" ", text)])


def without_divided_words(text: str, words: WordList) -> str:
    """Return plain text with the words joined that a hyphen divides at the end of a line; the line ends stay.

    Only lines of running text are changed, and only between small letters. Authors of plain text break lines after the
    hyphens of compounds, so a known word after the hyphen stays divided unless the document has the whole word.
    """

    def joined(match: re.Match[str]) -> str:
        stem, mark, indent, rest, signs, line_end = match.groups()
        if not _is_prose(text, match) or not stem[-1].islower() or not rest[0].islower() or rest in _AFTER_SUSPENDED:
            return match.group()
        hyphen = "" if mark in _SURE_MARKS else _hyphen(stem, rest, words)
        if hyphen is None:
            return match.group()
        border = line_end or (f"\n{indent}" if match.end() < len(text) else "")
        return f"{stem}{hyphen}{rest}{signs}{border}"

    return _DIVIDED.sub(joined, text)


def _is_prose(text: str, match: re.Match[str]) -> bool:
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.end(2)]
    before = text[max(0, match.start() - _PARAGRAPH_CHARS) : match.start()].rpartition("\n\n")[2]
    after = text[match.start() : match.start() + _PARAGRAPH_CHARS].partition("\n\n")[0]
    return _PROSE_LINE.fullmatch(line) is not None and len(f"{before}{after}".split()) >= _FEWEST_WORDS


def _hyphen(stem: str, rest: str, words: WordList) -> str | None:
    """Return what joins the pieces of a word in plain text, a hyphen or nothing; None if that is unknown."""
    before, _, left = stem.casefold().rpartition("-")
    right, _, after = rest.casefold().partition("-")
    if words.has(f"{left}{right}"):
        return ""
    if before or left in _BEFORE_HYPHENS or words.has(f"{left}-{right}"):
        return "-"
    return None if after or words.has(right) else ""
