"""Identify scripts and languages of texts.

A script is named after the first word of the Unicode names of its letters: LATIN, CYRILLIC, CJK (Han), HIRAGANA.
Languages are ISO 639-1 codes; a suffix after a hyphen (`zh-tw`) is ignored.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import Any

from kgsynth.faults import prose
from kgsynth.texts import without_latex

# Combining vowels, tones and accents.
MARKS = "".join(
    char for char in map(chr, range(0x300, 0x1B00)) if unicodedata.category(char) in ("Mn", "Mc")
) + "\u3099\u309a"  # fmt: skip
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
HAN = "\u2e80-\u2fdf\u3005\u3007\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Letters of scripts without spaces between words: Han, kana, Thai, Lao, Burmese, Khmer.
UNSPACED = f"{HAN}{KATAKANA}\u3041-\u3096\u309d-\u309f\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17dd\u17e0-\u17e9"
# A character that continues a word, which letters of these scripts do not, and the borders of a word.
IN_WORD = rf"[^\W{UNSPACED}]"
WORD_BEGINS, WORD_ENDS = f"(?<!{IN_WORD})", f"(?!{IN_WORD})"

_SCRIPT_NAMES = {"IDEOGRAPHIC": "CJK", "KANGXI": "CJK", "KATAKANA-HIRAGANA": "KATAKANA"}
_UNSPACED_SCRIPTS = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "MYANMAR", "KHMER"})
# Number of letters that count as a word in scripts without spaces.
_LETTERS_PER_WORD = 3
_OTHER_THAN_LATIN = re.compile("[^\\W\\d_a-zA-Z\\xaa\\xba\xc0-\u024f\u1e00-\u1eff]")
_GREEK_ACCENTED = re.compile("[άέήίόύώΐΰΆΈΉΊΌΎΏ\u1f00-\u1fff]")

_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
# Scripts of languages that are not written only in Latin letters.
_SCRIPTS_OF = (
    {code: frozenset({"CYRILLIC"}) for code in "ba be bg ky mk mn ru tg tt uk".split()}
    | {code: frozenset({"CYRILLIC", "LATIN"}) for code in "az bs crh kk sr tk uz".split()}
    | {code: frozenset({"ARABIC"}) for code in "ar ary arz fa ps sd sdh ug ur".split()}
    | {code: frozenset({"DEVANAGARI"}) for code in "gom hi mr ne sa".split()}
    | {code: frozenset({"BENGALI"}) for code in "as bn".split()}
    | {code: frozenset({"CJK"}) for code in "wuu yue zh".split()}
    | {code: frozenset({"HEBREW"}) for code in "hbo he yi".split()}
    | {code: frozenset({"GREEK"}) for code in "el grc".split()}
    | {
        "am": frozenset({"ETHIOPIC"}),
        "dz": frozenset({"TIBETAN"}),
        "gu": frozenset({"GUJARATI"}),
        "hy": frozenset({"ARMENIAN"}),
        "ja": _JAPANESE,
        "ka": frozenset({"GEORGIAN"}),
        "km": frozenset({"KHMER"}),
        "kn": frozenset({"KANNADA"}),
        "ko": frozenset({"HANGUL"}),
        "ku": frozenset({"LATIN", "ARABIC"}),
        "lo": frozenset({"LAO"}),
        "ml": frozenset({"MALAYALAM"}),
        "my": frozenset({"MYANMAR"}),
        "or": frozenset({"ORIYA"}),
        "pa": frozenset({"GURMUKHI"}),
        "si": frozenset({"SINHALA"}),
        "ta": frozenset({"TAMIL"}),
        "te": frozenset({"TELUGU"}),
        "th": frozenset({"THAI"}),
    }
)
_LATIN = frozenset({"LATIN"})
# A Chinese text may quote Japanese words; with a larger share of kana it is Japanese.
_MAX_KANA_SHARE = 0.1
# A Japanese text of at least this number of letters contains kana.
_MIN_WITHOUT_KANA = 12


def scripts_of(language: str) -> frozenset[str]:
    """Return the scripts of a language; Latin for unknown languages."""
    return _SCRIPTS_OF.get(base(language), _LATIN)


def base(language: str) -> str:
    """Return a language code without region and script: `zh` for `zh-Hant` and `ZH_tw`."""
    return re.split("[-_]", language.strip().casefold(), maxsplit=1)[0]


@lru_cache(maxsize=1 << 16)
def script(char: str) -> str:
    """Return the script of a letter, empty for other characters; wide and mathematical letters are normalized first."""
    plain = unicodedata.normalize("NFKC", char)
    letter = next((normalized_char for normalized_char in plain if normalized_char.isalpha()), "")
    name_prefix = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return _SCRIPT_NAMES.get(name_prefix, name_prefix)


def only_latin(text: str) -> bool:
    """Return whether all letters of a text are Latin."""
    return text.isascii() or _OTHER_THAN_LATIN.search(text) is None


def letters_by_script(text: str) -> Counter[str]:
    """Count the letters of a text by script; digits, symbols and marks do not count."""
    counts = Counter(text)
    letters: Counter[str] = Counter()
    for char, count in counts.items():
        if name := script(char):
            letters[name] += count
    return letters


def words_by_script(text: str) -> Counter[str]:
    """Count the words of a text by script.

    Single letters, and Greek letters in a text without Greek accents, are taken for mathematics and do not count. In
    scripts without spaces, three letters count as a word.
    """
    words: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    run, length = "", 0
    for char in f"{text} ":
        name = script(char)
        if name == run and name:
            length += 1
            continue
        if run and not name and unicodedata.category(char)[0] == "M":
            continue
        if run in _UNSPACED_SCRIPTS:
            letters[run] += length
        elif length > 1:
            words[run] += 1
        run, length = name, 1
    if words["GREEK"] and not _GREEK_ACCENTED.search(unicodedata.normalize("NFC", text)):
        del words["GREEK"]
    for name, count in letters.items():
        words[name] += -(-count // _LETTERS_PER_WORD)
    return words


# Words that occur in sentences; those of `_IN_NAMES` also occur in names, such as "Bank of America".
_IN_NAMES = frozenset("of the and in de la le les du des di da del el los las der die das von und et y e".split())
_IN_SENTENCES = frozenset(
    "is are was were be what which how why who when where or for with that this these it its to from by can does do if "
    "then has have not we you ist sind ein eine wie warum mit für est sont une que quel quelle comment pour dans es "
    "son un una qué cómo cuál por para con il è sono che come per um uma são".split()
)
_LATIN_WORD = re.compile("[a-zA-Z\xc0-\u024f\u1e00-\u1eff]{2,}")
_FEWEST_WORDS, _MANY_WORDS = 3, 8


def _is_latin_sentence(text: str) -> bool:
    """Return whether a text has sentences in Latin letters, and not only names, formulas and short terms.

    A sentence has a word such as "is", and words in small letters other than those of names. Several words in small
    letters that make up most of the text are a sentence too.
    """
    words = _LATIN_WORD.findall(text)
    small = [word for word in words[1:] if word.islower() and word not in _IN_NAMES]
    if len(words) < _FEWEST_WORDS or not small:
        return False
    has_marks = any(word.casefold() in _IN_SENTENCES for word in words)
    return has_marks or (len(small) >= _MANY_WORDS and 2 * len(small) > len(words))


def is_other_script(text: str, language: str) -> bool | None:
    """Return whether the script of a text shows that it has another language than the given one.

    Args:
        text: prose without code and formulas, of any length.
        language: language code; unknown languages are taken to use Latin letters.

    Returns:
        True if the text has more than twice as many words in other scripts as in those of the language; False if the
        script is that of the language only; None if the script does not decide. Latin words in a text of another script
        may be names and formulas and do not count, but a text without any word in the scripts of the language is in
        another one if it has a sentence.
    """
    own_scripts = scripts_of(language)
    if own_scripts == _LATIN and only_latin(text):
        return None
    words = words_by_script(text)
    own_words = sum(words[name] for name in own_scripts)
    other_words = sum(count for name, count in words.items() if name not in own_scripts and name != "LATIN")
    code = base(language)
    if code in ("zh", "ja"):
        letters = letters_by_script(text)
        kana, han = letters["HIRAGANA"] + letters["KATAKANA"], letters["CJK"]
        if code == "zh":
            own_words, other_words = words["CJK"], other_words - words["HIRAGANA"] - words["KATAKANA"]
            if kana > _MAX_KANA_SHARE * (kana + han):
                return True
        elif not kana and han >= _MIN_WITHOUT_KANA:
            return True
    is_latin = not own_words and "LATIN" not in own_scripts and _is_latin_sentence(text)
    if is_latin or other_words > 2 * own_words:
        return True
    is_shared = own_scripts & {"LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI", "BENGALI"}
    return False if own_words and own_words >= words["LATIN"] and not is_shared else None


def classify(text: str) -> tuple[str, float]:
    """Return the most likely of about 100 languages of a text and its probability; takes time linear in its length."""
    code, probability = _classifier().classify(text)
    return str(code), float(probability)


@cache
def _classifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


# Minimum number of letters from which the classifier is used.
_MIN_LANGUAGE_CHARS = 60


# Minimum probability at which the classifier decides that a text has another language.
_MIN_LANGUAGE_PROBABILITY = 0.95


def is_foreign(text: str, language: str) -> bool:
    """Return whether the prose of a text is certainly not in `language`.

    Prose in another writing system is foreign at any length; Greek letters, symbols, single foreign words, and Latin
    names and formulas are ignored. Prose in the same writing system is classified if it has at least 60 letters,
    otherwise it is not foreign.

    Args:
        text: the text; its code and formulas are ignored.
        language: a code such as `en` or `zh`; if it is empty, no text is foreign.
    """
    if not language:
        return False
    words = " ".join(without_latex(prose(text)).split())
    by_script = is_other_script(words, language)
    if by_script is not None:
        return by_script
    if sum(letter.isalpha() for letter in words) < _MIN_LANGUAGE_CHARS:
        return False
    classified, probability = classify(words)
    return classified != base(language) and probability >= _MIN_LANGUAGE_PROBABILITY
