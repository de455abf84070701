"""The verifier `choice`: a multiple-choice question has exactly one right option, and the answer is that option."""

import re
from typing import ClassVar

from kgsynth.final_answers import Verdict, compare
from kgsynth.names import loose_form
from kgsynth.records import AnsweredQuestion
from kgsynth.verification.short_answers import contains_name, is_same_name, short_answer
from kgsynth.verifier import BaseVerifier, Case, Finding, Kind, Need

_LETTER = re.compile(r"^\(?([A-Z])(?:[).:]|\s*$|\s+[-–—]|\s+\()", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")
# Words of a question that a sentence must share, and their least length.
_LEAST_SHARED = 2
_LEAST_LETTERS = 4
_FUNCTION_WORDS = frozenset(
    """
    about after also been before being could does during following from have into most other should some than that their
    them then there these they this those through were what when where which while will with would your
    """.split()
)


class MultipleChoice(BaseVerifier):
    """Checks the options, and compares the chosen option with the key.

    Options that are equal, that are names of one thing or of which one contains another are a fault of the question:
    the answer fails whatever it is. If most other votes choose another option than the key, that option may be right,
    too: an answer that equals the key is undecided then. An answer with another option than the key is undecided if no
    sentence of the documents connects the question with its key.
    """

    name: ClassVar[str] = "choice"
    kind: ClassVar[Kind] = "computation"
    needs: ClassVar[frozenset[Need]] = frozenset({"passages"})

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the question has options."""
        return bool(question.options)

    def check(self, case: Case) -> Finding:
        """Compare letters, or the text of the option where no letter is given."""
        options, key = case.question.options, case.question.answer_key
        problem = options_problem(options, key)
        if problem:
            return Finding(verdict="failed", score=0.0, reason=problem, evidence={"options": list(options)})
        right = {index for index in range(len(options)) if _is_key(index, options, key)}
        chosen = [chosen_option(vote, options) for vote in case.votes] or [chosen_option(case.question.answer, options)]
        answer = chosen[case.kept_vote] if case.votes else chosen[0]
        routes = sum(option is not None for option in chosen)
        agreeing = sum(option is not None and option == answer for option in chosen)
        evidence = {"chosen": [None if option is None else options[option] for option in chosen], "key": list(key)}
        if answer is None:
            return Finding(
                verdict="undecided", score=0.0, reason="no option is chosen", routes=routes, evidence=evidence
            )
        if not right:
            return Finding(
                verdict="undecided", score=agreeing / routes, reason="no key", agreeing=agreeing, routes=routes
            )
        if answer not in right:
            is_sure = not case.passages or any(_is_supported(case, options[index]) for index in right)
            return Finding(
                verdict="failed" if is_sure else "undecided",
                score=0.0,
                reason="another option" if is_sure else "no sentence connects the question with its key",
                agreeing=agreeing,
                routes=routes,
                evidence=evidence,
            )
        if agreeing * 2 <= routes and routes > 1:
            return Finding(
                verdict="undecided",
                score=agreeing / routes,
                reason="most votes choose another option",
                agreeing=agreeing,
                routes=routes,
                evidence=evidence,
            )
        return Finding(verdict="passed", score=agreeing / routes, agreeing=agreeing, routes=routes)


def _is_supported(case: Case, option: str) -> bool:
    """Whether two sentences of the documents have an option and words of the question; True if it has too few words.

    A weak model writes questions whose answer is not the name that it was given.
    """
    asked = _content_words(case.question.text.partition("\n\n")[0])
    if len(asked) < _LEAST_SHARED or not any(map(str.isascii, asked)):
        return True
    for passage in case.passages:
        sentences = _SENTENCE_END.split(passage.text)
        for two in map(" ".join, zip(sentences, [*sentences[1:], ""], strict=True)):
            if contains_name(two, option) and len(asked & _content_words(two)) >= _LEAST_SHARED:
                return True
    return False


def _content_words(text: str) -> set[str]:
    words = re.findall(r"[^\W\d_]+", loose_form(text))
    return {word for word in words if len(word) >= _LEAST_LETTERS and word not in _FUNCTION_WORDS}


def options_problem(options: tuple[str, ...], key: tuple[str, ...]) -> str:
    """Return why a question with these options has not exactly one right option; empty if nothing is found."""
    if len(options) < 2:
        return "fewer than two options"
    for index, option in enumerate(options):
        for other in options[index + 1 :]:
            if is_same_name(option, other) or compare(option, other) is Verdict.EQUAL:
                return "two options are the same"
            words, other_words = set(loose_form(option).split()), set(loose_form(other).split())
            has_key = any(name in (option, other) for name in _names_of_key(options, key))
            if has_key and words and other_words and (words <= other_words or other_words <= words):
                return "a wrong option contains the right one, or is contained in it"
    if key and sum(_is_key(index, options, key) for index in range(len(options))) != 1:
        return "not exactly one option is the key"
    return ""


def chosen_option(text: str, options: tuple[str, ...]) -> int | None:
    """Return the index of the option that an answer chooses, by its text or its letter; None if it chooses none.

    The text goes first: "C. difficile" is an option, and not the letter C. A letter with the text of another option
    chooses none.
    """
    return _meant(short_answer(text), options)


def _meant(answer: str, options: tuple[str, ...]) -> int | None:
    same = [index for index, option in enumerate(options) if is_same_name(answer, option)]
    if len(same) == 1:
        return same[0]
    letter = _LETTER.match(answer)
    if not letter:
        return None
    index = ord(letter.group(1).upper()) - ord("A")
    rest = answer[letter.end() :].strip(" ).:-–—")
    if index >= len(options) or (rest and not is_same_name(rest, options[index])):
        return None
    return index


def _is_key(index: int, options: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return any(_meant(name.strip(), options) == index for name in key)


def _names_of_key(options: tuple[str, ...], key: tuple[str, ...]) -> list[str]:
    return [option for index, option in enumerate(options) if _is_key(index, options, key)]
