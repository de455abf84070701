r"""Level 1: questions from one document, either copied from it or new ones of the same kind.

The output format is tagged plain text, not JSON: inside JSON strings models write `\frac` and `\theta`, which parse
as a form feed and a tab.
"""

import re
from collections.abc import Mapping, Sequence

from kgsynth.generation import passages
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import (
    NO_TEXT,
    SourceDocument,
    make_question,
    prompt_tokens,
    read_grade,
    request,
    usable_blocks,
)
from kgsynth.generation.task import Context, Outcome, Refusal
from kgsynth.texts import blocks, normal_question

_TAGS = ("question", "origin", "level")
_ORIGINS = ("original", "new")
# Share of a question's n-grams that the document must contain; a copy may be completed ("Exercise 3: show that it …").
_MIN_ORIGINAL_SHARE = 0.6
_NGRAM_WORDS = 4


class Level1:
    """The generation of level 1 questions from one document."""

    is_slow = False

    def __init__(self, document: SourceDocument, context: Context, *, max_questions: int) -> None:
        """Write the prompt; the document is cut to fit."""
        self.unit_id = document.id
        self._document, self._context, self._max_questions = document, context, max_questions
        self._template = template = context.templates["level1"]
        slots = {"title": document.title or "(none)", "max_questions": str(max_questions)}
        room = context.budget_tokens - prompt_tokens(template.fill(document="", **slots), context)
        text = passages.cut(document.text.strip(), room, context.count_tokens)
        self._is_cut = text != document.text.strip()
        self._passage_chars = (passages.shown_chars(document.text, text),)
        self._request = request(
            context,
            f"level1:{document.id}",
            template.fill(document=text, **slots),
            pattern=_pattern(max_questions, context.question_form, context.grades),
        )
        self._fits = bool(text)

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the only request."""
        return [] if done or not self._fits else [self._request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the usable questions, and a refusal for each of the others."""
        outcome = Outcome(totals={"truncated_documents": int(self._is_cut)})
        if not self._document.text.strip():
            outcome.refusals.append(Refusal(reason=NO_TEXT, raw="", is_final=True))
            return outcome
        completion = done.get(self._request.id)
        if completion is not None and completion.finish_reason == "stop" and "<question>" not in completion.text:
            unsuitable, _ = blocks(completion.text, ("unsuitable",))
            if unsuitable:
                reason = "the model finds the document unsuitable"
                raw = unsuitable[0]["unsuitable"]
                outcome.refusals.append(
                    Refusal(reason=reason, raw=raw, request_id=completion.request_id, is_final=True)
                )
                return outcome
        for block in usable_blocks(
            outcome,
            completion,
            tags=_TAGS,
            template=self._template,
            context=self._context,
            max_questions=self._max_questions,
        ):
            is_original = stands_in(block["question"], self._document.text)
            stated = _stated_origin(block["origin"])
            outcome.add("wrongly_called_original", int(stated == "original" and not is_original))
            outcome.add("without_origin", int(not stated))
            grade = read_grade(block["level"], self._context.grades)
            outcome.add("without_known_level", int(grade == "other" and block["level"].strip().casefold() != "other"))
            outcome.rows.append(
                make_question(
                    self._context,
                    text=block["question"],
                    level=1,
                    request=self._request,
                    template=self._template,
                    documents=[self._document],
                    topics=self._document.topics,
                    passage_chars=self._passage_chars,
                    reasoning=completion.reasoning if completion else "",
                    grade=grade,
                    origin="original" if is_original and stated != "new" else "new",
                )
            )
        return outcome


def _stated_origin(text: str) -> str:
    """Return the origin of a question that a model states; empty if it states none."""
    return next((origin for origin in _ORIGINS if origin in text.casefold()), "")


def stands_in(question: str, text: str) -> bool:
    """Whether a text contains 60 percent of a question's 4-grams of words, or all of a shorter question."""
    words = normal_question(question).split()
    padded_text = f" {normal_question(text)} "
    ngrams = [" ".join(words[first : first + _NGRAM_WORDS]) for first in range(max(1, len(words) - _NGRAM_WORDS + 1))]
    return sum(f" {ngram} " in padded_text for ngram in ngrams) >= _MIN_ORIGINAL_SHARE * len(ngrams)


def _pattern(max_questions: int, question_form: str, grades: Sequence[str]) -> str:
    block = (
        rf"<question>\n{question_form}\n</question>\n<origin>\n(?:{'|'.join(_ORIGINS)})\n</origin>\n"
        rf"<level>\n(?:{'|'.join(map(re.escape, grades))})\n</level>\n?"
    )
    return rf"(?:(?:{block}){{1,{max_questions}}}|<unsuitable>\n[^<\n]{{10,200}}\n</unsuitable>\n?)"
