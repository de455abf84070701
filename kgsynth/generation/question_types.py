"""Types of questions at level 3: their draw, multiple choice from neighbours in the graph, and masked sentences.

A domain lists its types in `domain.toml`. For each combination one type, one difficulty and one concept are drawn by
seed, so that a retry asks for the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgsynth.domain_folder import Domain, QuestionType
from kgsynth.faults import prose
from kgsynth.names import is_all_capitals, loose_form
from kgsynth.question_form import BLANK
from kgsynth.randomness import stream
from kgsynth.records import Combination, content_hash
from kgsynth.texts import mentions_references

LETTERS = "ABCD"
_WRONG_OPTIONS = len(LETTERS) - 1
_MIN_WORDS, _MAX_WORDS = 8, 50
# Shorter names are compared with their case.
_MIN_FOLDED = 4
# A full stop after one of these ends no sentence: Marbury v. Madison, Dr. Snow, Art. 5.
_ABBREVIATED = re.compile(
    r"(?:(?<!\w)\w|\b(?:vs?|dr|mrs?|ms|st|no|nos|art|arts|sec|secs|inc|co|corp|ltd|jr|sr|prof|rev|gen|gov|hon|cf|ca|fig|figs"
    r"|vol|ed|eds|pp?|ch|e\.g|i\.e|etc|approx|al|u\.s|a\.m|p\.m))\.[”\"')\]]*$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[”\"')\]]*\s+(?=[“\"'(]?[^\W\d_a-z])")
# A sentence that begins like this is about the sentence before it.
_NEEDS_CONTEXT = re.compile(
    r"(?:this|these|that|those|it|its|they|their|he|she|his|her|such|thus|therefore|hence|however|but|and|so|also|then"
    r"|moreover|furthermore|similarly|likewise|instead|otherwise|another|both|here|there|figure|table|for example"
    r"|in addition|in contrast|as a result|on the other hand|the (?:former|latter|following|above|same))\b",
    re.IGNORECASE,
)
_POINTS_ELSEWHERE = re.compile(
    r"\b(?:figure|fig|table|section|chapter|equation|eq|page|see|above|below|following|previous(?:ly)?|earlier|later)\b",
    re.IGNORECASE,
)
_ANSWER_IN_CHOICE = (
    ' Write exactly one question whose only right answer is "{name}". Do not write this name or another name of it in '
    "the question, and give no options."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What is drawn for a combination.

    Attributes:
        question_type: type of the questions; None if the domain lists none.
        difficulty: difficulty to ask for; empty if the domain lists none.
        target: id of the concept that a question with options, or a masked sentence, asks for first.
        wrong_options: concepts that co-occur with the target, as (id, name), in the order in which they are tried.
        fallback: type for a combination that the drawn type does not fit.
    """

    question_type: QuestionType | None = None
    difficulty: str = ""
    target: str = ""
    wrong_options: tuple[tuple[str, str], ...] = ()
    fallback: QuestionType | None = None

    @property
    def form(self) -> str:
        """How the question is made: `open`, `choice` or `cloze`."""
        return self.question_type.form if self.question_type else "open"

    def instruction(self, names: Mapping[str, str]) -> str:
        """Return the text for the slot `question_type`."""
        if self.question_type is None:
            return ""
        target = _ANSWER_IN_CHOICE.format(name=names[self.target]) if self.form == "choice" else ""
        return f"{self.question_type.instruction}{target}".strip()


def draw_style(domain: Domain, seed: int, combination: Combination) -> Style:
    """Draw type, difficulty and target for a combination; each draw depends only on seed and combination."""
    rng = stream(int(content_hash([seed, combination.id])[:15], 16), "question type", 0)
    types = domain.question_types
    chosen = None
    if types:
        total = sum(kind.share for kind in types)
        chosen = types[int(rng.choice(len(types), p=[kind.share / total for kind in types]))]
    difficulty = domain.difficulties[int(rng.integers(len(domain.difficulties)))] if domain.difficulties else ""
    concepts = combination.concepts
    target = concepts[int(rng.integers(len(concepts)))] if concepts else ""
    fallback = next((kind for kind in types if kind.form == "open"), None)
    return Style(question_type=chosen, difficulty=difficulty, target=target, fallback=fallback)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithOptions:
    """A multiple-choice question: the whole text, the options in order, and the letter of the right one."""

    text: str
    options: tuple[str, ...]
    letter: str


def with_options(
    stem: str, style: Style, names: Mapping[str, str], aliases: Mapping[str, Sequence[str]], seed: int
) -> WithOptions | str:
    """Add options to a question: the target, and three concepts that co-occur with it; return why it is impossible.

    Exactly one option is right as far as names tell: no wrong option is another name of the target, contains it or is
    contained in it, and none stands in the question.

    Args:
        stem: the question without options.
        style: has the target and the wrong options to try.
        names: names by id.
        aliases: further names by id.
        seed: seed of the order of options.
    """
    right = names[style.target]
    right_forms = [loose_form(name) for name in (right, *aliases.get(style.target, ()))]
    asked_words = set(re.findall(r"\w+", loose_form(prose(stem))))
    # "Which fungus makes ascomycetes?" names "ascomycete fungus", too.
    if any(form and set(form.split()) <= asked_words for form in right_forms):
        return "the question names its answer"
    wrong: dict[str, str] = {}
    for _, name in style.wrong_options:
        form = loose_form(name)
        is_clear = form and not set(form.split()) <= asked_words and not any(_overlap(form, own) for own in right_forms)
        if is_clear and not any(_overlap(form, other) for other in wrong):
            wrong[form] = name
        if len(wrong) == _WRONG_OPTIONS:
            break
    if len(wrong) < _WRONG_OPTIONS:
        return "too few wrong options"
    options = [right, *wrong.values()]
    order = stream(seed, "options", 0).permutation(len(options))
    ordered = tuple(options[int(index)] for index in order)
    lines = [f"{letter}. {option}" for letter, option in zip(LETTERS, ordered, strict=True)]
    letter = LETTERS[ordered.index(right)]
    return WithOptions(text="\n".join([stem.strip(), "", *lines]), options=ordered, letter=letter)


def _overlap(first: str, second: str) -> bool:
    """Whether one name contains the words of the other, such as "pancreatitis" and "acute pancreatitis"."""
    first_words, second_words = set(first.split()), set(second.split())
    return first_words <= second_words or second_words <= first_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """A sentence with a masked name: the text of the question, the id of the concept, and all accepted names."""

    text: str
    term: str
    key: tuple[str, ...]


def masked_sentence(
    texts: Sequence[str], style: Style, names: Mapping[str, str], aliases: Mapping[str, Sequence[str]], seed: int
) -> Masked | None:
    """Mask a concept in a sentence of the documents; None if no sentence fits.

    A sentence fits if it can be read alone, holds the concept exactly once, and repeats no word of its name. Sentences
    that also name another concept of the combination are preferred, then those that hold the target.

    Args:
        texts: texts of the documents.
        style: has the target.
        names: names of the combination's concepts by id.
        aliases: further names by id.
        seed: seed of the choice among equally good sentences.
    """
    found: list[tuple[int, Masked]] = []
    for text in texts:
        for sentence in _sentences(text):
            held = [term for term in names if _spellings(sentence, (names[term], *aliases.get(term, ())))]
            for term in held:
                masked = _mask(sentence, term, (names[term], *aliases.get(term, ())))
                if masked is not None:
                    found.append((2 * (len(held) > 1) + (term == style.target), masked))
    if not found:
        return None
    best = max(rank for rank, _ in found)
    good = [masked for rank, masked in found if rank == best]
    return good[int(stream(seed, "cloze", 0).integers(len(good)))]


def _sentences(text: str) -> list[str]:
    paragraphs = re.split(r"\n\s*\n|\n(?=#)|(?m:^#.*$)", text)
    sentences = []
    for paragraph in paragraphs:
        for sentence in _split(" ".join(paragraph.split())):
            words = sentence.split()
            if (
                _MIN_WORDS <= len(words) <= _MAX_WORDS
                and sentence[0].isupper()
                and sentence.rstrip("”\"')]").endswith(".")
                and not _ABBREVIATED.search(sentence)
                and not re.search(r"[\\$`|<>{}\[\]#*_]|\d\.\d+\.\d|https?:", sentence)
                and not _NEEDS_CONTEXT.match(sentence)
                and not _POINTS_ELSEWHERE.search(sentence)
                and not mentions_references(sentence)
            ):
                sentences.append(sentence)
    return sentences


def _split(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph; abbreviations end none."""
    sentences: list[str] = []
    for part in _SENTENCE_END.split(paragraph):
        if sentences and _ABBREVIATED.search(sentences[-1]):
            sentences[-1] += f" {part}"
        else:
            sentences.append(part)
    return sentences


def _spellings(sentence: str, names: Sequence[str]) -> list[re.Match[str]]:
    """Return where one of several names stands in a sentence, as whole words, also in the plural with -s.

    An acronym and a short name must have the same case: "all" is not ALL, and "who" is not WHO.
    """
    ordered = sorted({name for name in names if name}, key=len, reverse=True)
    alternatives = "|".join(
        re.escape(name) if is_all_capitals(name) or len(name) < _MIN_FOLDED else f"(?i:{re.escape(name)})"
        for name in ordered
    )
    return list(re.finditer(rf"(?<![\w-])(?:{alternatives})s?(?![\w-])", sentence)) if ordered else []


def _mask(sentence: str, term: str, names: Sequence[str]) -> Masked | None:
    matches = _spellings(sentence, names)
    if len(matches) != 1:
        return None
    (match,) = matches
    rest = sentence[: match.start()] + BLANK + sentence[match.end() :]
    left_words = set(loose_form(rest).split())
    name_words = {word for word in loose_form(match.group()).split() if len(word) > 3}
    initials = "".join(word[0] for word in match.group().split() if word[0].isalnum()).casefold()
    if name_words & left_words or (len(initials) > 1 and initials in left_words):
        return None
    # The article would tell how the name begins.
    rest = re.sub(rf"\b([Aa])n? {BLANK}", rf"\1(n) {BLANK}", rest)
    key = tuple(dict.fromkeys((match.group(), *names)))
    return Masked(text=f"Fill in the blank with the missing term.\n\n{rest}", term=term, key=key)
