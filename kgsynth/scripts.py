"""Scripts of letters, and what a classifier takes the language of a text for.

Scripts are named as the Unicode names of their letters begin, in capitals: LATIN, CYRILLIC, CJK (Han), HIRAGANA.
Languages are ISO 639-1 codes; a part after a hyphen (`zh-tw`) does not count.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import Any

# Vowels, tones and accents that stand on or under a letter and belong to it.
MARKS = "".join(
    char for char in map(chr, range(0x300, 0x1B00)) if unicodedata.category(char) in ("Mn", "Mc")
) + "\u3099\u309a"  # fmt: skip
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
HAN = "\u2e80-\u2fdf\u3005\u3007\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# Letters of scripts that put no blanks between words: Han, kana, Thai, Lao, Burmese, Khmer.
UNSPACED = f"{HAN}{KATAKANA}\u3041-\u3096\u309d-\u309f\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17dd\u17e0-\u17e9"

_SCRIPT_NAMES = {"IDEOGRAPHIC": "CJK", "KANGXI": "CJK", "KATAKANA-HIRAGANA": "KATAKANA"}
_UNSPACED_SCRIPTS = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "MYANMAR", "KHMER"})
# So many letters of a script without blanks count as one word.
_LETTERS_PER_WORD = 3
_OTHER_THAN_LATIN = re.compile("[^\\W\\d_a-zA-Z\\xaa\\xba\xc0-\u024f\u1e00-\u1eff]")
_GREEK_ACCENTED = re.compile("[άέήίόύώΐΰΆΈΉΊΌΎΏ\u1f00-\u1fff]")

_JAPANESE = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
# Scripts of the languages that are not written in Latin letters alone.
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
# A Chinese text may quote a Japanese word; with more kana than this share of its letters it is Japanese.
_MAX_KANA_SHARE = 0.1
# A Japanese text of so many letters holds kana.
_MIN_WITHOUT_KANA = 12


def scripts_of(language: str) -> frozenset[str]:
    """The scripts of a language; those that are not known here are taken for Latin."""
    return _SCRIPTS_OF.get(base(language), _LATIN)


def base(language: str) -> str:
    """The code of a language without region or script: `zh` for `zh-Hant`, `ZH_tw`."""
    return re.split("[-_]", language.strip().casefold(), maxsplit=1)[0]


@lru_cache(maxsize=1 << 16)
def script(char: str) -> str:
    """The script of a character; empty for what is no letter. Wide and mathematical letters are Latin or Greek."""
    plain = unicodedata.normalize("NFKC", char)
    letter = next((one for one in plain if one.isalpha()), "")
    first = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return _SCRIPT_NAMES.get(first, first)


def only_latin(text: str) -> bool:
    """Whether all letters of a text are Latin."""
    return text.isascii() or _OTHER_THAN_LATIN.search(text) is None


def letters_by_script(text: str) -> Counter[str]:
    """How many letters of each script a text holds; digits, signs and marks count nowhere."""
    counts = Counter(text)
    found: Counter[str] = Counter()
    for char, count in counts.items():
        if name := script(char):
            found[name] += count
    return found


def words_by_script(text: str) -> Counter[str]:
    """How many words of each script a text holds.

    A single letter is a sign of mathematics and no word, Greek without any accent too. In scripts that put no blanks
    between words, three letters count as one.
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


def is_other_script(text: str, language: str) -> bool | None:
    """Whether the letters of a text show that it is of another language, whatever its length.

    Args:
        text: prose, without code and formulas.
        language: code; one that is not known here is taken to be written in Latin letters.

    Returns:
        True when the text has more than twice as many words in scripts of other languages as in its own; False when its
        own script is that of no other language; None when its letters do not decide. Latin words in a text of another
        script are names and formulas, and decide nothing.
    """
    own = scripts_of(language)
    if own == _LATIN and only_latin(text):
        return None
    words = words_by_script(text)
    ours = sum(words[name] for name in own)
    others = sum(count for name, count in words.items() if name not in own and name != "LATIN")
    code = base(language)
    if code in ("zh", "ja"):
        letters = letters_by_script(text)
        kana, han = letters["HIRAGANA"] + letters["KATAKANA"], letters["CJK"]
        if code == "zh":
            ours, others = words["CJK"], others - words["HIRAGANA"] - words["KATAKANA"]
            if kana > _MAX_KANA_SHARE * (kana + han):
                return True
        elif not kana and han >= _MIN_WITHOUT_KANA:
            return True
    if others > 2 * ours:
        return True
    is_shared = own & {"LATIN", "CYRILLIC", "ARABIC", "DEVANAGARI", "BENGALI"}
    return False if ours and ours >= words["LATIN"] and not is_shared else None


def classify(text: str) -> tuple[str, float]:
    """The language that a text is likely to be of, of about 100, and the probability, in time linear in its length."""
    code, probability = _classifier().classify(text)
    return str(code), float(probability)


@cache
def _classifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
