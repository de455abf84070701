"""Identify the language of documents, and find candidate phrases in languages other than English.

English has its own rules in `english`. German, French, Spanish and Russian have stop words, stemming that unites
inflected forms, and words that link two nouns within a phrase (`théorème de Pythagore`). Chinese and Japanese are
segmented by jieba and janome (extra `cjk`). Other languages with spaces between words have no stop words: short words,
numbers and punctuation end a phrase.
"""

import importlib
import logging
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import Any, NamedTuple

from kgsynth.names import fold
from kgsynth.scripts import HAN, MARKS, UNSPACED, classify, only_latin, scripts_of, words_by_script

# Languages with rules of their own.
KNOWN = ("en", "de", "fr", "es", "ru", "zh", "ja")
# Languages without spaces between words, and the package that segments them; empty if there is none.
UNSPACED_LANGUAGES = {"zh": "jieba", "ja": "janome", "th": "", "lo": "", "km": "", "my": ""}

# Number of characters from which the language is identified.
_SAMPLE_CHARS = 4000
_MIN_CHARS = 60
_MIN_PROBABILITY = 0.95
# In English prose at least every sixth word is one of these.
_MIN_ENGLISH_SHARE = 0.15
_MARKERS = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and is are that this with for which from by it be as we if then let has have can in on to an",
        "de": "der die das und ist nicht ein eine einer eines von den dem mit für auf im zu sich wird werden oder auch"
        " dass sind über etwas",
        "fr": "le la les des est et une un du dans pour que qui sur par avec sont ce cette de au aux",
        "es": "el los las una es que del por con para como se está son un de la en",
    }.items()
}
_LATIN_WORD = re.compile(r"[^\W\d_]+")
# Letters of Ukrainian and of Belarusian that Russian lacks.
_NOT_RUSSIAN = (("uk", re.compile("[іїєґ]")), ("be", re.compile("ў")))


@dataclass(slots=True, kw_only=True)
class LanguageReport:
    """Languages of the documents that were searched for key phrases.

    Attributes:
        documents: number of searched documents by language code. Texts too short to tell have an empty code and are
            treated as English.
        unread: number of skipped documents, whose words cannot be segmented, by language code.
    """

    documents: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """Return report lines about documents in languages without own rules, and about skipped documents."""
        others = Counter({code: count for code, count in self.documents.items() if code and code not in KNOWN})
        report_lines = [f"documents in other languages: {_counts(others)}"] if others else []
        if self.unread:
            is_package_missing = any(UNSPACED_LANGUAGES[code] for code in self.unread)
            hint = ": pip install 'kgsynth[cjk]' for Chinese and Japanese" if is_package_missing else ""
            report_lines.append(f"documents whose words cannot be told apart: {_counts(self.unread)}{hint}")
        return report_lines


def _counts(counts: Counter[str]) -> str:
    return f"{counts.total():,} ({', '.join(f'{code} {count:,}' for code, count in counts.most_common())})"


def language_of(text: str) -> str:
    """Return the ISO 639 code of a text's language by script, frequent words and a classifier; empty if uncertain.

    A text in Latin letters has another language than English only if it contains frequent words of that language, or is
    long enough for the classifier to be certain.

    Args:
        text: prose; only its first 4,000 characters are used.
    """
    sample = text[:_SAMPLE_CHARS]
    if not only_latin(sample):
        words = words_by_script(sample)
        main = max(words, key=lambda name: (words[name], name), default="LATIN")
        if main in ("HIRAGANA", "KATAKANA") or (main == "CJK" and words["HIRAGANA"] * 10 > words["CJK"]):
            return "ja"
        if main != "LATIN":
            return _by_script(sample, main)
    return _by_words(sample)


def _by_script(sample: str, main: str) -> str:
    """Return the language of a text by its main script; the classifier decides between languages of a script."""
    code, probability = classify(sample)
    if main in scripts_of(code) and probability >= _MIN_PROBABILITY:
        return "zh" if scripts_of(code) == {"CJK"} else code
    if main == "CYRILLIC":
        return next((other for other, letters in _NOT_RUSSIAN if letters.search(sample.casefold())), "ru")
    usual = {"CJK": "zh", "ARABIC": "ar", "DEVANAGARI": "hi", "HEBREW": "he", "GREEK": "el", "BENGALI": "bn"}
    only = [other for other in UNSPACED_LANGUAGES if scripts_of(other) == {main}]
    return usual.get(main) or next(iter(only), "") or (code if main in scripts_of(code) else "")


def _by_words(sample: str) -> str:
    """Return the language of a text in Latin letters."""
    words = _LATIN_WORD.findall(sample.casefold())
    hits = {code: sum(word in markers for word in words) for code, markers in _MARKERS.items()}
    if hits["en"] >= max(hits.values()) and hits["en"] >= max(1, _MIN_ENGLISH_SHARE * len(words)):
        return "en"
    best = max(hits, key=lambda code: (hits[code], code))
    if sum(map(len, words)) >= _MIN_CHARS:
        code, probability = classify(sample)
        is_sure = probability >= _MIN_PROBABILITY and hits["en"] < _MIN_ENGLISH_SHARE * len(words)
        if is_sure and "LATIN" in scripts_of(code) and (code not in hits or hits[code] > hits["en"]):
            return "" if code == "zxx" else code
    others = [count for code, count in hits.items() if code != best]
    different = len(_MARKERS[best].intersection(words))
    return best if different >= 2 and hits[best] > max(others) else ""


# Particles that Korean appends to nouns without a space.
PARTICLES = frozenset(
    """
    은 는 이 가 을 를 의 에 와 과 도 만 로 으로 에서 에게 까지 부터
    보다 처럼 이다 이란 란 이라 라 이며 며 인 이고 고 에는 에도 에서는 로서 으로서 로써
    으로써 와의 과의 이라는 라는 이라고 라고 들 들은 들이 들을 들의 마다 조차 밖에 이나 나
    """.split()
)
_LONGEST_PARTICLE = max(map(len, PARTICLES))


def korean_particle(word: str) -> str:
    """Return the longest particle at the end of a Korean word that leaves at least two syllables; empty for none."""
    ends = (word[-length:] for length in range(min(_LONGEST_PARTICLE, len(word) - 2), 0, -1))
    return next((end for end in ends if end in PARTICLES), "")


@cache
def stop_words(name: str) -> frozenset[str]:
    """Return a folded word list of the package by name: a language (`english`), or `software` (words of manuals)."""
    text = resources.files("kgsynth.concepts").joinpath(f"stop_words_{name}.txt").read_text(encoding="utf-8")
    return frozenset(fold(word) for line in text.splitlines() if not line.startswith("#") for word in line.split())


class Word(NamedTuple):
    """A word that a phrase may contain.

    `parts` is the number of words it counts as: two or more for a long compound, none for a link between two words. A
    phrase does not begin with a link and ends with a word that `can_end` it.
    """

    key: str
    start: int
    end: int
    parts: int = 1
    can_end: bool = True


class Phrase(NamedTuple):
    """A candidate phrase: words as counted, text as written, and the number of words it counts as."""

    words: tuple[str, ...]
    surface: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """Rules for phrases in a language with spaces between words.

    `links` may connect two words of a phrase, and `articles` may follow a link; `stemmer` names the Snowball stemmer.
    """

    stops: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()
    stemmer: str = ""
    has_noun_capitals: bool = False
    has_elision: bool = False
    has_particles: bool = False
    min_letters: int = 2


@cache
def _rules(language: str) -> _Rules:
    match language:
        case "de":
            links = frozenset({"von", "vom", "der", "des"})
            return _Rules(stops=stop_words("german"), links=links, stemmer="german", has_noun_capitals=True)
        case "fr":
            links, articles = frozenset({"de", "du", "des", "d"}), frozenset({"la", "l"})
            stops = stop_words("french")
            return _Rules(stops=stops, links=links, articles=articles, stemmer="french", has_elision=True)
        case "es":
            links, articles = frozenset({"de", "del"}), frozenset({"la", "las", "los", "el"})
            return _Rules(stops=stop_words("spanish"), links=links, articles=articles, stemmer="spanish")
        case "ru":
            return _Rules(stops=stop_words("russian"), links=frozenset({"о", "об"}), stemmer="russian")
        case "ko":
            return _Rules(has_particles=True)
    return _Rules(min_letters=_MIN_LETTERS)


# In languages without a list of stop words, shorter words count as such. Words in scripts without case are shorter.
_MIN_LETTERS = 4
_MIN_UNCASED_LETTERS = 3
_MAX_WORDS = {" ": 4, "": 6}  # by word separator; characters of unknown Chinese words count as words
_MAX_LINKS = 3
_MAX_SURFACE_CHARS = 100
# Minimum numbers of letters for a German noun to count as a compound of two and of three words.
_COMPOUND_LETTERS = (10, 18)
_NO_NOUN_ENDINGS = ("lich", "weise", "isch", "ig", "bar", "sam", "wärts")
_LETTER = f"(?:(?!_)[\\w{MARKS}])"
_TOKEN = re.compile(rf"{_LETTER}+(?:['’-]{_LETTER}+)*|[^\w\s]|_|\n\s*\n")
_ELIDED = re.compile(r"(qu|jusqu|lorsqu|puisqu|quoiqu|presqu|[ldjmnstcç])['’](?=\w)", re.IGNORECASE)


def phrases(text: str, language: str, extra_stop_words: Collection[str]) -> Iterator[Phrase] | None:
    """Return the candidate phrases of a text that is not English; None if its words cannot be segmented.

    Args:
        text: prose without LaTeX, code and tables.
        language: code of its language.
        extra_stop_words: folded words that no phrase may contain.
    """
    if language in UNSPACED_LANGUAGES:
        cut = _segmenter(language)
        text = unicodedata.normalize("NFKC", text)
        return None if cut is None else _from_runs(text, _cut_runs(text, cut, extra_stop_words), "")
    text = unicodedata.normalize("NFC", text)
    rules = _rules(language)
    return _from_runs(text, _spaced_runs(text, rules, extra_stop_words), " ")


def _from_runs(text: str, runs: Iterator[list[Word]], separator: str) -> Iterator[Phrase]:
    """Yield the phrases within runs, and single words that count as two or more."""
    for run in runs:
        for first, word in enumerate(run):
            if not word.parts:
                continue
            for last in _end_indices(run, first, _MAX_WORDS[separator]):
                keys = tuple(part.key for part in run[first : last + 1])
                size = sum(part.parts for part in run[first : last + 1])
                content = [part.key for part in run[first : last + 1] if part.parts]
                surface = " ".join(text[word.start : run[last].end].split())
                if not separator:
                    surface = _BETWEEN_UNSPACED.sub("", surface)
                if size > 1 and len(set(content)) == len(content) and len(surface) <= _MAX_SURFACE_CHARS:
                    yield Phrase(keys, surface, size)


def _end_indices(run: list[Word], first: int, max_words: int) -> Iterator[int]:
    """Yield the indices at which a phrase that begins at a word may end."""
    words = links = 0
    for last in range(first, len(run)):
        words += run[last].parts > 0
        links += run[last].parts == 0
        if words > max_words or links > _MAX_LINKS:
            return
        if run[last].parts and run[last].can_end:
            yield last


_BETWEEN_UNSPACED = re.compile(f"(?<=[{UNSPACED}]) (?=[{UNSPACED}])")


def _spaced_runs(text: str, rules: _Rules, extra: Collection[str]) -> Iterator[list[Word]]:
    """Yield runs of words for phrases, split at stop words, numbers and punctuation; no run ends in a link."""
    run: list[Word] = []
    for word in _spaced_words(text, rules, extra):
        if word is not None and (word.parts or (run and (run[-1].can_end or not run[-1].parts))):
            run.append(word)
            continue
        yield _without_last_links(run)
        run = []
    yield _without_last_links(run)


def _without_last_links(run: list[Word]) -> list[Word]:
    while run and not run[-1].parts:
        run.pop()
    return run


def _spaced_words(text: str, rules: _Rules, extra: Collection[str]) -> Iterator[Word | None]:
    """Yield words and links in their order, and None for anything that ends a phrase."""
    after_link = False
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        token = match.group()
        if rules.has_elision and _stem(token, "") not in rules.stops and (elided := _ELIDED.match(token)):
            prefix = fold(elided.group(1))
            is_link = prefix in rules.links or (after_link and prefix in rules.articles)
            yield Word(prefix, start, start + elided.end(), 0) if is_link else None
            start, token, after_link = start + elided.end(), token[elided.end() :], False
        folded = _stem(token, "")
        if folded in rules.links or (after_link and folded in rules.articles):
            after_link = folded in rules.links
            yield Word(folded, start, end, 0)
            continue
        after_link = False
        is_content = _is_content(token, rules.min_letters) and folded not in rules.stops and folded not in extra
        particle = korean_particle(token) if rules.has_particles else ""
        token, end = token.removesuffix(particle), end - len(particle)
        yield _content_word(token, start, end, rules) if is_content else None
        if particle and particle != "의":
            yield None


def _content_word(token: str, start: int, end: int, rules: _Rules) -> Word:
    parts, can_end = 1, True
    if rules.has_noun_capitals:
        can_end = token[0].isupper() and not token.endswith(_NO_NOUN_ENDINGS)
        parts += sum(len(token) >= letters for letters in _COMPOUND_LETTERS) if can_end else 0
    return Word(_stem(token, rules.stemmer), start, end, parts, can_end)


@lru_cache(maxsize=1 << 16)
def _is_content(token: str, min_letters: int) -> bool:
    """Return whether a token is a word of sufficient length and no number, symbol or identifier."""
    if min_letters == _MIN_LETTERS and token[0].lower() == token[0].upper():
        min_letters = _MIN_UNCASED_LETTERS
    inner = token[1:]
    is_identifier = inner != inner.lower() and "-" not in token and "'" not in token and not token.isupper()
    is_long_acronym = token.isupper() and len(token) > 5
    return (
        token[0].isalpha()
        and sum(map(str.isalpha, token)) >= min_letters
        and not any(char.isdigit() for char in token)
        and not is_identifier
        and not is_long_acronym
    )


@lru_cache(maxsize=1 << 16)
def _stem(token: str, stemmer: str) -> str:
    return fold(_stemmer(stemmer).stemWord(token.lower())) if stemmer else fold(token)


@cache
def _stemmer(name: str) -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer(name)


# --- Languages without blanks

# A token: as written, whether a phrase may hold it, whether it links two words (Japanese の).
_Token = tuple[str, bool, bool]
# The segmenters are slow on longer pieces, and no part of a sentence is this long.
_MAX_PIECE_CHARS = 400
_PIECE = re.compile(f"[{UNSPACED}{MARKS}A-Za-z0-9 \\-+#']{{1,{_MAX_PIECE_CHARS}}}")
_FUNCTION_FLAGS = frozenset("p c d r y e o f t w".split())
_NUMERALS = re.compile("[0-9一二三四五六七八九十百千万亿零〇两]+")
# Longer words of Han characters count as two.
_SHORT_WORD_CHARS = 2
_JAPANESE_NOUNS = ("名詞", "接頭詞")
_NO_JAPANESE_NOUNS = ("代名詞", "非自立", "数", "副詞可能", "特殊")


def _cut_runs(text: str, cut: Callable[[str], Iterator[_Token]], extra: Collection[str]) -> Iterator[list[Word]]:
    """Yield runs of words that phrases may contain in a text without spaces; no run ends in a link."""
    for piece in _PIECE.finditer(text):
        run: list[Word] = []
        offset = piece.start()
        for token, is_content, is_link in cut(piece.group()):
            start, offset = offset, offset + len(token)
            if token.isspace():
                continue
            folded = fold(token)
            if is_link and run and run[-1].parts:
                run.append(Word(folded, start, offset, 0))
                continue
            if is_content and folded not in extra:
                is_long = len(token) > _SHORT_WORD_CHARS and _HAN_WORD.fullmatch(token) is not None
                run.append(Word(folded, start, offset, 1 + is_long))
                continue
            yield _without_last_links(run)
            run = []
        yield _without_last_links(run)


_HAN_WORD = re.compile(f"[{HAN}]+")


@cache
def _segmenter(language: str) -> Callable[[str], Iterator[_Token]] | None:
    """Return the segmenter of a language; None if there is none or its package is not installed."""
    package = UNSPACED_LANGUAGES[language]
    if not package:
        return None
    with warnings.catch_warnings():
        # jieba and janome give warnings about their own code, which are of no use to the user.
        warnings.simplefilter("ignore")
        try:
            module = importlib.import_module("jieba.posseg" if package == "jieba" else "janome.tokenizer")
        except ImportError:
            return None
        if package == "janome":
            tokenizer = module.Tokenizer()
            return lambda text: _japanese(tokenizer, text)
        logging.getLogger("jieba").setLevel(logging.WARNING)
        module.dt.initialize()
    return lambda text: _chinese(module, text)


def _chinese(module: Any, text: str) -> Iterator[_Token]:
    stops = stop_words("chinese")
    # The model for unknown words is slow; without it their characters yield the same phrases.
    for pair in module.cut(text, HMM=False):
        is_function = pair.flag in _FUNCTION_FLAGS or pair.flag.startswith("u")
        # Some entries of the dictionary are phrases and no words: 群的阶.
        for word in re.split("([的了是])", pair.word) if len(pair.word) > 1 else [pair.word]:
            is_word = word[:1].isalpha() and word not in "的了是" and _NUMERALS.fullmatch(word) is None
            if word:
                yield word, is_word and not is_function and fold(word) not in stops, False


def _japanese(tokenizer: Any, text: str) -> Iterator[_Token]:
    stops = stop_words("japanese")
    tokens = list(tokenizer.tokenize(text))
    for index, token in enumerate(tokens):
        kinds = token.part_of_speech.split(",")
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        is_verb = kinds[1] == "サ変接続" and following is not None and following.part_of_speech.startswith("動詞")
        is_noun = kinds[0] in _JAPANESE_NOUNS and not any(kind in _NO_JAPANESE_NOUNS for kind in kinds)
        is_word = is_noun and not is_verb and token.surface[0].isalpha() and fold(token.surface) not in stops
        yield token.surface, is_word, token.surface == "の"
