r"""Level 3: questions from a combination and its documents; each question is checked before it is kept.

The output format is tagged plain text, not JSON: inside JSON strings models write `\frac` and `\theta`, which parse as
a form feed and a tab. A question keeps its claims of concepts of the combination, and must have at least one. Its type
and difficulty are drawn from those of the domain; a masked sentence needs no model.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations as choices
from typing import Any

from kgsynth.generation import passages
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.claims import FEW_GIVEN, Claims, read_claims
from kgsynth.generation.level1 import stands_in
from kgsynth.generation.question_types import Masked, Style, WithOptions, masked_sentence, with_options
from kgsynth.generation.questions import (
    SourceCombination,
    claiming_question,
    names_pattern,
    prompt_tokens,
    request,
    shown_names,
    usable_blocks,
)
from kgsynth.generation.task import Context, Outcome
from kgsynth.records import Question

_TAGS = ("question", "concepts")
# The size of the pattern grows with the third power of this number. Without it, output is only checked afterwards.
_MAX_PATTERN_CONCEPTS = 12


class Level3:
    """The generation of level 3 questions from one combination."""

    is_slow = False

    def __init__(
        self,
        source: SourceCombination,
        context: Context,
        *,
        max_questions: int,
        min_concepts: int = 1,
        imports: Sequence[str] = (),
    ) -> None:
        """Write the prompt; passages are cut evenly, at word borders, to fit.

        Args:
            source: combination with its documents, and the style of its questions.
            context: context of the run.
            max_questions: number of questions to ask for.
            min_concepts: minimum number of given concepts that a question must name.
            imports: packages that programs of the domain may import.
        """
        combination = source.combination
        self.unit_id = combination.id
        self._source, self._context = source, context
        self._min_concepts = min_concepts
        self._template = template = context.templates["level3"]
        self._shown = shown_names(combination.concepts, source.names)
        self._style, self._masked = self._fitting_style()
        self._max_questions = 1 if self._style.form != "open" else max_questions
        slots = {
            "topics": "; ".join(source.names.get(term, term) for term in combination.topics),
            "concepts": "; ".join(self._shown.values()),
            "max_questions": str(self._max_questions),
            "question_type": self._style.instruction(source.names),
            "difficulty": f"Difficulty: {self._style.difficulty}." if self._style.difficulty else "",
            "imports": ", ".join(imports) or "none",
        }
        room = context.budget_tokens - prompt_tokens(template.fill(passages="", **slots), context)
        texts = [(document.title, document.text) for document in source.documents if document.text]
        fitted = passages.fit(texts, max(room, 0), context.count_tokens)
        self._truncated, self._has_passages = fitted.cut, bool(texts)
        chars = iter(fitted.chars)
        self._passage_chars = tuple(next(chars) if document.text else 0 for document in source.documents)
        messages = template.fill(passages=fitted.text, **slots)
        pattern = answer_pattern(list(self._shown.values()), self._max_questions, context.question_form)
        self._request = request(context, f"level3:{combination.id}", messages, pattern=pattern)
        self._fits = prompt_tokens(messages, context) <= context.budget_tokens

    def _fitting_style(self) -> tuple[Style, Masked | None]:
        """Return the drawn style, or its fallback if the combination does not fit it; and the masked sentence."""
        style, source = self._source.style, self._source
        if style.form == "cloze":
            texts = [document.text for document in source.documents]
            names = {term: source.names[term] for term in self._shown}
            seed = self._context.seed_of(f"cloze:{self.unit_id}")
            masked = masked_sentence(texts, style, names, source.aliases, seed)
            if masked is not None:
                return style, masked
        if style.form == "cloze" or (style.form == "choice" and style.target not in self._shown):
            return replace(style, question_type=style.fallback), None
        return style, None

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the only request; none for a masked sentence."""
        return [] if done or not self._fits or self._masked else [self._request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the usable questions, and a refusal for each of the others."""
        outcome = Outcome(
            totals={"truncated_passages": self._truncated, "without_passages": int(not self._has_passages)}
        )
        if self._masked is not None:
            outcome.rows.append(self._cloze(outcome, self._masked))
            return outcome
        completion = done.get(self._request.id)
        accepted: list[tuple[Claims, WithOptions | None]] = []

        def block_problem(block: Mapping[str, str]) -> str:
            claims = read_claims(block["concepts"], self._shown, self._source.aliases)
            if len(claims.given) < self._min_concepts:
                return FEW_GIVEN
            kind = self._style.question_type
            if kind is not None and kind.must_match and not re.search(kind.must_match, block["question"]):
                return "not of the type that was asked for"
            if kind is not None and kind.instruction and stands_in(block["question"], kind.instruction):
                return "repeats the instruction"
            choice = self._choice(block["question"])
            if isinstance(choice, str):
                return choice
            accepted.append((claims, choice))
            return ""

        for block in usable_blocks(
            outcome,
            completion,
            tags=_TAGS,
            template=self._template,
            context=self._context,
            max_questions=self._max_questions,
            block_problem=block_problem,
        ):
            claims, choice = accepted[-1]
            outcome.rows.append(
                self._question(
                    outcome,
                    text=choice.text if choice else block["question"],
                    claims=claims,
                    reasoning=completion.reasoning if completion else "",
                    options=choice.options if choice else (),
                    answer_key=(choice.letter,) if choice else (),
                )
            )
        return outcome

    def _choice(self, stem: str) -> WithOptions | str | None:
        """Return a question with options if the style asks for it, or why there is none."""
        if self._style.form != "choice":
            return None
        return with_options(stem, self._style, self._source.names, self._source.aliases, self._request.seed)

    def _cloze(self, outcome: Outcome, masked: Masked) -> Question:
        """Return the question of a masked sentence, which no model wrote."""
        outcome.add("masked_sentences")
        question = self._question(
            outcome, text=masked.text, claims=Claims(given=(masked.term,), foreign=()), answer_key=masked.key
        )
        chars = tuple(len(document.text) for document in self._source.documents)
        return replace(
            question, passage_chars=chars, template=f"{self._context.domain}/cloze", template_hash="",
            backend="", model="", sampling="",
        )  # fmt: skip

    def _question(self, outcome: Outcome, *, text: str, claims: Claims, **more: Any) -> Question:
        return claiming_question(
            self._context,
            outcome,
            text=text,
            level=3,
            request=self._request,
            template=self._template,
            documents=self._source.documents,
            passage_chars=self._passage_chars,
            reasoning=more.pop("reasoning", ""),
            claims=claims,
            shown=self._shown,
            aliases=self._source.aliases,
            topics=self._source.combination.topics,
            combination=self._source.combination,
            style=self._style,
            **more,
        )


def answer_pattern(concepts: Sequence[str], max_questions: int, question_form: str) -> str:
    """Return a regular expression of well-formed output; empty with too few or too many concepts."""
    if not 2 <= len(concepts) <= _MAX_PATTERN_CONCEPTS:
        return ""
    chosen = names_pattern(names for size in (2, 3) for names in choices(concepts, size))
    return (
        rf"(?:<question>\n{question_form}\n</question>\n<concepts>\n(?:{chosen})\n</concepts>\n?)"
        rf"{{1,{max_questions}}}"
    )
