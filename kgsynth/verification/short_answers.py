"""The short answer at the end of a text, and whether two short answers are the same name."""

import re

from kgsynth.final_answers import final_answer
from kgsynth.names import loose_form

_ARTICLE = re.compile(r"^(?:an?|the)\s+", re.IGNORECASE)
# Marks that mean the same in names.
_SAME = str.maketrans({"’": "'", "‘": "'", "–": "-", "‐": "-", "‑": "-", "—": "-"})
_MARKS = re.compile(r"[*_`]+|\\text(?:bf|rm|it)?\{([^{}]*)\}|^\\?[(\[$]+|[)\]$.]+$")


def short_answer(text: str) -> str:
    """Return the final answer of a text without marks; the whole text if it has at most eight words."""
    answer = final_answer(text) or (text if len(text.split()) <= 8 else "")
    return _MARKS.sub(lambda match: match.group(1) or "", answer.strip()).strip(" .,;:\"'“”")


def is_same_name(first: str, second: str) -> bool:
    """Whether two names are equal apart from case, articles, hyphens, accents and plural."""
    forms = [loose_form(_ARTICLE.sub("", name.strip().translate(_SAME))) for name in (first, second)]
    return bool(forms[0]) and forms[0] == forms[1]


def contains_name(text: str, name: str) -> bool:
    """Whether a short text contains a name as whole words."""
    words, name_words = (re.findall(r"\w+", loose_form(value.translate(_SAME))) for value in (text, name))
    return bool(name_words) and any(
        words[start : start + len(name_words)] == name_words for start in range(len(words) - len(name_words) + 1)
    )
