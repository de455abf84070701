"""Find concepts from a list of names: Aho-Corasick over words, LaTeX-aware, longest match, capped document share.

Matching ignores case, accents, hyphens, apostrophes and a final plural, and finds names after an elided word as in
l'algèbre. The annotation has the spelling of the text if its normal form equals that of the name, else the name. Code
in fences and backticks and the targets of links are not searched; tables are.

Scripts without spaces between words (Han, kana, Thai, Lao, Burmese, Khmer) have no word boundaries, so a name matches
anywhere in a run of their letters, with three exceptions: a match must not cut katakana words or syllables, and a name
of a single Han character matches only if no other Han character is next to it, except one that joins words, such as 的
or 是.
"""

import json
import re
import tempfile
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

import ahocorasick

from kgsynth.concepts.languages import PARTICLES, language_of
from kgsynth.concepts.latex_words import detex
from kgsynth.concepts.prose import without_code
from kgsynth.inflection import singular
from kgsynth.names import INVISIBLE, MAX_NAME_CHARS, fold, normal_form
from kgsynth.records import Annotation, ConceptName, Document, TopicConcepts
from kgsynth.scripts import HAN, KATAKANA, MARKS, UNSPACED
from kgsynth.texts import clean_characters

_BORDER = "\N{CURRENCY SIGN}"
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|\N{CURRENCY SIGN}|[.;:!?()\[\]]|\n\s*\n")
# The same for texts with combining marks, invisible characters or scripts without spaces.
_MARKED = re.compile(f"[{MARKS}{INVISIBLE}{UNSPACED}]")
_LETTER = f"(?:(?![{UNSPACED}_])[\\w{MARKS}{INVISIBLE}])"
_MARKED_WORD = re.compile(
    f"[{UNSPACED}][{MARKS}{INVISIBLE}\uff9e\uff9f]*|(?<=[{UNSPACED}])·(?=[{UNSPACED}])|{_LETTER}+(?:'{_LETTER}+)*"
    r"|\N{CURRENCY SIGN}|[.;:!?()\[\]]|\n\s*\n"
)
# Curly, modifier and full-width apostrophes are equivalent.
_APOSTROPHES = str.maketrans(dict.fromkeys("‘’ʼ＇", "'"))
# Articles, prepositions and pronouns that French, Italian and Catalan write with an apostrophe before the next word.
# The s of "n's" is an ending.
_ELIDED = re.compile(
    r"\b(?:(?:jus|lors|puis|quoi|pres)?qu|[cçdjlmnst]|(?:a|be|co|da|de|ne|que|su)ll|(?:a|de)?gl|quest|sant|un)\Z",
    re.IGNORECASE,
)
_LONGEST_ELIDED = 6
_APOSTROPHE = re.compile(r"'(?=[^\W_])(?!s\b)")
_UNSPACED = re.compile(f"[{UNSPACED}·]")
_KATAKANA = re.compile(f"[{KATAKANA}]")
_HAN = re.compile(f"[{HAN}]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
# What may separate, inside a name, letters of a script with spaces from letters of a script without: X-射线.
_JOINING = re.compile(r"[\s\-\u2010-\u2015/'’・·_*]*")
# Han characters that join words and belong to none: next to them a name of one character is a whole word.
_HAN_JOINING = frozenset(
    "的是和与與或及在了有对對为為称稱叫由从從到把被让讓个個该該此这這那设設若则則即之其上下中里裡内當当也都"
)
_SYLLABLE_MARKS = re.compile(f"[{MARKS}\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3]")
_BEFORE_CONSONANT = frozenset("เแโใไເແໂໃໄ\u17d2\u1039")

# Titles that are about a concept without naming one.
_NOT_A_NAME = re.compile(
    r"^(?:(?:another|alternative|alternate|direct|elementary|second|combinatorial|geometric|simple|short) )*"
    r"(?:proofs?|examples?|counter-?examples?|applications?|derivations?|demonstrations?|illustrations?|generali[sz]ations?|"
    r"motivation|solutions?|bibliography|biography|index|list|table|topics?|history|notes?|remarks?|corollar(?:y|ies)) "
    r"(?:of|for|on|to|that|from|in|using|about|with|by|related)\b"
    r"|^(?:alternative|alternate|another|proving|deriving|calculating)\b"
    r"|\b(?:proof|proofs|example|examples)\b[,:)]?$"
    r"|\bproof of\b|, proof\b"
    r"|^(?:Beweise?|Beispiele?|Anwendung(?:en)?) (?:des|der|zum|zur|für|von|eines|einer)\b"
    r"|^(?:démonstrations?|preuves?|exemples?|applications?) (?:de|du|des|d['’]une?)\b"
    r"|^(?:demostraci(?:ón|ones)|pruebas?|ejemplos?) (?:de|del)\b"
    r"|^(?:доказательств[оа]|примеры?|применени[ея]) "
    r"|[的の](?:证明|證明|証明|例|例子|例题|習題|习题|应用|應用|応用)$",
    re.IGNORECASE,
)
_NOT_A_NAME_KINDS = frozenset({"proof", "example", "bibliography", "biography"})
# In a small corpus a share means little, so a name may always occur in this many documents.
SMALLEST_CAP = 20
_MAX_NAME_WORDS = 8
_MIN_NAME_CHARS = 3
# About eight words of a script without spaces.
_MAX_UNSPACED_CHARS = 40


@dataclass(slots=True, kw_only=True)
class VocabularyReport:
    """Counts of a search for the names of a list.

    Attributes:
        names: number of names searched for.
        refused_names: number of unusable entries by reason.
        too_common: names over the cap, with the number of documents of each.
        never_found: number of names that no document contains.
        documents: number of documents searched.
        documents_without_concepts: number of documents without a name, or only with names over the cap.
        documents_without_topic: number of documents without a topic.
        concepts_found: sum over documents of the number of distinct names.
        languages: number of documents without a name by language code; the code is empty for texts too short to tell.
    """

    names: int = 0
    refused_names: dict[str, int] = field(default_factory=dict)
    too_common: dict[str, int] = field(default_factory=dict)
    never_found: int = 0
    documents: int = 0
    documents_without_concepts: int = 0
    documents_without_topic: int = 0
    concepts_found: int = 0
    languages: Counter[str] = field(default_factory=Counter)

    def refuse(self, reason: str) -> None:
        """Count an entry that is not searched for."""
        self.refused_names[reason] = self.refused_names.get(reason, 0) + 1

    def shortfall(self) -> str:
        """Return a warning if at least half of the documents have no concept; else an empty text."""
        missing = self.documents_without_concepts
        if not self.documents or missing * 2 < self.documents:
            return ""
        language_counts = ", ".join(f"{code} {count:,}" for code, count in self.languages.most_common(6) if code)
        language_note = f" (languages: {language_counts})" if language_counts else ""
        if missing == self.documents:
            return f"no concept was found in any of {self.documents:,} documents{language_note}"
        return f"no concept was found in {missing:,} of {self.documents:,} documents{language_note}"


def is_concept_name(name: str) -> bool:
    """Return whether a title or list entry names a concept; "proof of …", "example of …" and sentences do not.

    A name has at least three letters, or one Han character, one Korean syllable or two kana; and at most eight words,
    or 40 characters of scripts without spaces.
    """
    if len(name) > MAX_NAME_CHARS:
        return False
    plain = detex(name)
    words = plain.split()
    if not 0 < len(words) <= _MAX_NAME_WORDS or len(_UNSPACED.findall(plain)) > _MAX_UNSPACED_CHARS:
        return False
    return sum(map(_letter_weight, plain)) >= _MIN_NAME_CHARS and not _NOT_A_NAME.search(plain)


def _letter_weight(char: str) -> int:
    """Return the number of alphabetic letters that a character is worth."""
    if not char.isalpha():
        return 1 if char >= "\u0900" and _SYLLABLE_MARKS.match(char) else 0
    if char < "\u1100":
        return 1
    if _HAN.match(char) or _HANGUL.match(char):
        return _MIN_NAME_CHARS
    return 2 if _UNSPACED.match(char) else 1


def clean_name(name: str) -> str:
    """Return a name without LaTeX and with single spaces."""
    return " ".join(detex(name).split())


def declared_names(documents: Iterable[Document]) -> Iterator[ConceptName]:
    """Yield the names that documents declare: concepts, synonyms, and titles of entries that define something."""
    for document in documents:
        if document.title and document.entry_kind.casefold() not in _NOT_A_NAME_KINDS:
            yield ConceptName(name=document.title)
        for name in document.concepts:
            yield ConceptName(name=name)
        for name, synonym in document.synonyms:
            yield ConceptName(name=name)
            yield ConceptName(name=synonym, synonym_of=name)


class _Line(NamedTuple):
    """A text prepared for search: folded words with spaces between them, except in scripts without spaces.

    `starts[n]` is the offset of unit n in `line`, `spans[n]` its start and end in the text.
    """

    line: str
    starts: list[int]
    spans: list[tuple[int, int]]


_folded = lru_cache(maxsize=1 << 16)(fold)


def _word_spans(plain: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """Return start and end of the words of a text; an elided word with its apostrophe is a word of its own."""
    spans = [match.span() for match in pattern.finditer(plain)]
    elided: dict[int, int] = {}
    for mark in _APOSTROPHE.finditer(plain):
        if word := _ELIDED.search(plain, max(mark.start() - _LONGEST_ELIDED, 0), mark.start()):
            elided[word.start()] = mark.end()
    if not elided:
        return spans
    return [part for start, end in spans for part in _split_span(start, elided.get(start, end), end)]


def _split_span(start: int, middle: int, end: int) -> list[tuple[int, int]]:
    return [(start, middle), (middle, end)] if middle < end else [(start, end)]


def _line(plain: str) -> _Line:
    plain = plain.translate(_APOSTROPHES)
    is_marked = _MARKED.search(plain) is not None
    spans = _word_spans(plain, _MARKED_WORD if is_marked else _WORD)
    if is_marked:
        return _marked_line(plain, spans)
    words = [fold(plain[start:end]) if plain[start].isalnum() else _BORDER for start, end in spans]
    starts: list[int] = []
    offset = 1
    for word in words:
        starts.append(offset)
        offset += len(word) + 1
    return _Line(f" {' '.join(words)} ", starts, spans)


def _marked_line(plain: str, spans: list[tuple[int, int]]) -> _Line:
    parts = [" "]
    starts: list[int] = []
    kept_spans: list[tuple[int, int]] = []
    offset, end_before, was_unspaced = 1, 0, False
    for start, end in spans:
        is_unspaced = _UNSPACED.match(plain, start) is not None
        word = _folded(plain[start:end]) if is_unspaced or plain[start].isalnum() else _BORDER
        if not word:
            continue
        separator = "" if (is_unspaced and was_unspaced) or not kept_spans else " "
        is_gap = start != end_before and (is_unspaced or was_unspaced)
        if kept_spans and is_gap and not _is_joining(plain[end_before:start], separator):
            separator = f" {_BORDER} "
        # A line begins with a space only if its first word needs one.
        if not kept_spans and is_unspaced:
            parts, offset = [], 0
        parts += [separator, word]
        offset += len(separator)
        starts.append(offset)
        offset += len(word)
        kept_spans.append((start, end))
        end_before, was_unspaced = end, is_unspaced
    return _Line("".join([*parts, "" if was_unspaced else " "]), starts, kept_spans)


def _is_joining(between: str, separator: str) -> bool:
    """Return whether a name may span the text between two letters: spaces, or a hyphen before another script."""
    return _JOINING.fullmatch(between) is not None if separator else between.isspace()


class Vocabulary:
    """Names compiled for search."""

    def __init__(self, names: Iterable[ConceptName]) -> None:
        """Compile.

        Args:
            names: entries of a list. Entries that name no concept or are too long are left out and counted in `report`;
                duplicates are ignored.
        """
        self.report = VocabularyReport()
        self.entries = 0  # number of entries of the list, duplicates included
        self._names: list[str] = []
        self._automaton = ahocorasick.Automaton()
        forms: set[str] = set()
        for entry in names:
            self.entries += 1
            if len(entry.name) > MAX_NAME_CHARS:
                self.report.refuse(f"longer than {MAX_NAME_CHARS:,} characters")
                continue
            form = normal_form(entry.name)
            if form and form not in forms and self._add_name(entry.name):
                forms.add(form)
        self.report.names = len(self._names)
        if self._names:
            self._automaton.make_automaton()

    def _add_name(self, name: str) -> bool:
        """Add a name if it can be searched for, and return whether it was added."""
        if not is_concept_name(name):
            self.report.refuse("names no concept")
            return False
        plain = clean_name(name)
        line = _name_line(plain)
        if not line.strip() or _BORDER in plain:
            self.report.refuse("holds a formula")
            return False
        self._names.append(plain)
        number = len(self._names) - 1
        self._add(line, number)
        # If a generated plural equals another name of the vocabulary, that name is kept.
        *before, last = line.rstrip(" ").split(" ")
        if line.endswith(" ") and (plural := _plural(last)) != last:
            self._add(f"{' '.join([*before, plural])} ", number, only_if_new=True)
        return True

    def _add(self, key: str, number: int, *, only_if_new: bool = False) -> None:
        if key in self._automaton and only_if_new:
            return
        existing = self._automaton.get(key, None)
        if existing is None or (not only_if_new and existing[2]):
            self._automaton.add_word(key, (len(key), number, only_if_new))

    def find(self, text: str) -> list[str]:
        """Return the distinct names in a text by first occurrence; of overlapping names the leftmost longest one."""
        if not self._names:
            return []
        plain = detex(without_code(text))
        line, starts, spans = _line(plain)
        matches = []
        for end, (length, number, _) in self._automaton.iter(line):
            first, stop = end - length + 1, end + 1
            first += line[first] == " "
            stop -= line[end] == " "
            matches.append((first, -stop, number))
        spellings: dict[str, None] = {}
        end_of_last = 0
        for first, negative_end, number in sorted(matches):
            stop = -negative_end
            if first < end_of_last or not (line.isascii() or _is_whole(line, first, stop)):
                continue
            end_of_last = stop
            first_unit, last_unit = bisect_right(starts, first) - 1, bisect_left(starts, stop) - 1
            surface = " ".join(plain[spans[first_unit][0] : spans[last_unit][1]].split())
            if not surface.isascii():
                surface, _ = clean_characters(surface)
            name = self._names[number]
            is_spelling = surface == name or normal_form(surface) == normal_form(name)
            spellings.setdefault(surface if is_spelling else name)
        return list(spellings)


def _name_line(plain: str) -> str:
    """Return the search key of a name, with a space on each side where a word boundary is required."""
    if not _MARKED.search(plain):
        plain = plain.translate(_APOSTROPHES)
        words = [fold(plain[start:end]) for start, end in _word_spans(plain, _WORD) if plain[start].isalnum()]
        line = f" {' '.join(words)} "
    else:
        line = _line(re.sub(r"[.;:!?()\[\]]", " ", plain)).line
    # Korean particles follow a noun without a space.
    return line.rstrip(" ") if _HANGUL.match(line.rstrip(" ")[-1:]) else line


def _is_whole(line: str, first: int, end: int) -> bool:
    """Return whether a match cuts no syllable, no katakana word and no Korean noun, and is no part of a Han word."""
    before, after = line[first - 1 : first], line[end : end + 1]
    start_char, end_char = line[first], line[end - 1]
    if _SYLLABLE_MARKS.match(after) or (_UNSPACED.match(start_char) and before in _BEFORE_CONSONANT):
        return False
    if _KATAKANA.match(start_char) and _KATAKANA.match(before):
        return False
    if _KATAKANA.match(end_char) and _KATAKANA.match(after):
        return False
    if end - first == 1 and _HAN.match(start_char):
        return not any(_HAN.match(char) and char not in _HAN_JOINING for char in (before, after))
    if _HANGUL.match(end_char) and after not in ("", " "):
        rest = line[end : line.find(" ", end)] if " " in line[end : end + 8] else line[end : end + 8]
        return rest in PARTICLES
    return True


def annotate(
    documents: Iterable[Document], vocabulary: Vocabulary, *, max_document_share: float, folder: Path | None = None
) -> tuple[Iterator[Annotation], VocabularyReport]:
    """Annotate documents in their order; names in too large a share of the documents are left out and reported.

    All documents are read before this function returns. The matches are buffered in an anonymous file, so that memory
    use depends on the number of names only. The counts of documents without concepts, documents without a topic and
    concepts found are complete once the iterator is exhausted; the rest of the report is complete at once.

    Args:
        documents: the documents.
        vocabulary: compiled names.
        max_document_share: maximum share of documents with a name, in (0, 1].
        folder: folder of the buffer file; None for the system's folder of temporary files.
    """
    report = vocabulary.report
    document_counts: Counter[str] = Counter()
    forms: dict[str, str] = {}  # spelling to normal form
    # The iterator closes it.
    buffer = tempfile.TemporaryFile("w+", encoding="utf-8", dir=folder)  # noqa: SIM115
    try:
        for document in documents:
            text = f"{document.title}.\n\n{document.text}"
            names = vocabulary.find(text)
            report.documents += 1
            if not names:
                report.languages[language_of(text)] += 1
            for name in names:
                if name not in forms:
                    forms[name] = normal_form(name)
            document_counts.update({forms[name] for name in names})
            buffer.write(json.dumps([document.id, document.topics, names]) + "\n")
    except BaseException:
        buffer.close()
        raise
    limit = max(SMALLEST_CAP, max_document_share * report.documents)
    report.too_common = {form: count for form, count in document_counts.most_common() if count > limit}
    report.never_found = report.names - len(document_counts)
    left_out = {name for name, form in forms.items() if form in report.too_common}
    return _Annotations(buffer, left_out, report), report


class _Annotations(Iterator[Annotation]):
    """Annotations read from the buffer file, without the names that are too common."""

    def __init__(self, buffer: IO[str], left_out: set[str], report: VocabularyReport) -> None:
        buffer.seek(0)
        self._buffer = buffer
        self._left_out = left_out
        self._report = report

    def __next__(self) -> Annotation:
        line = "" if self._buffer.closed else self._buffer.readline()
        if not line:
            self._buffer.close()
            raise StopIteration
        document_id, topics, names = json.loads(line)
        remaining = [name for name in names if name not in self._left_out]
        annotation = under_topics(document_id, topics, remaining)
        self._report.concepts_found += len(remaining)
        self._report.documents_without_concepts += not remaining
        self._report.documents_without_topic += not annotation.spellings("topic")
        return annotation

    def __del__(self) -> None:
        self._buffer.close()


def under_topics(document_id: str, topics: Sequence[str], names: Sequence[str]) -> Annotation:
    """Return an annotation with all concepts under the first topic of a document, because their topics are unknown."""
    titles = [topic for topic in topics if normal_form(topic)]
    if not titles:
        return Annotation(id=document_id, topics=(TopicConcepts(name="", concepts=tuple(names)),))
    first = TopicConcepts(name=titles[0], concepts=tuple(names))
    return Annotation(id=document_id, topics=(first, *(TopicConcepts(name=title) for title in titles[1:])))


def _plural(word: str) -> str:
    if singular(word) != word or len(word) < 3 or not word[-1].isalpha():
        return word
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"
