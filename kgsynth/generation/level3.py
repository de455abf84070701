r"""Level 3: questions from a combination and its documents; each question is checked before it is kept.

The output format is tagged plain text, not JSON: inside JSON strings models write `\frac` and `\theta`, which parse as
a form feed and a tab. A question keeps its claims of concepts of the combination, and must have at least one.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations as choices

from kgsynth.generation import passages
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.claims import FEW_GIVEN, Claims, read_claims
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

_TAGS = ("question", "concepts")
# The size of the pattern grows with the third power of this number. Without it, output is only checked afterwards.
_MAX_PATTERN_CONCEPTS = 12


class Level3:
    """The generation of level 3 questions from one combination."""

    is_slow = False

    def __init__(
        self, source: SourceCombination, context: Context, *, max_questions: int, min_concepts: int = 1
    ) -> None:
        """Write the prompt; passages are cut evenly, at word borders, to fit.

        Args:
            source: combination with its documents.
            context: context of the run.
            max_questions: number of questions to ask for.
            min_concepts: minimum number of given concepts that a question must name.
        """
        combination = source.combination
        self.unit_id = combination.id
        self._source, self._context, self._max_questions = source, context, max_questions
        self._min_concepts = min_concepts
        self._template = template = context.templates["level3"]
        self._shown = shown_names(combination.concepts, source.names)
        slots = {
            "topics": "; ".join(source.names.get(term, term) for term in combination.topics),
            "concepts": "; ".join(self._shown.values()),
            "max_questions": str(max_questions),
        }
        room = context.budget_tokens - prompt_tokens(template.fill(passages="", **slots), context)
        texts = [(document.title, document.text) for document in source.documents if document.text]
        fitted = passages.fit(texts, max(room, 0), context.count_tokens)
        self._truncated, self._has_passages = fitted.cut, bool(texts)
        chars = iter(fitted.chars)
        self._passage_chars = tuple(next(chars) if document.text else 0 for document in source.documents)
        messages = template.fill(passages=fitted.text, **slots)
        pattern = answer_pattern(list(self._shown.values()), max_questions, context.question_form)
        self._request = request(context, f"level3:{combination.id}", messages, pattern=pattern)
        self._fits = prompt_tokens(messages, context) <= context.budget_tokens

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the only request."""
        return [] if done or not self._fits else [self._request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the usable questions, and a refusal for each of the others."""
        outcome = Outcome(
            totals={"truncated_passages": self._truncated, "without_passages": int(not self._has_passages)}
        )
        completion = done.get(self._request.id)
        aliases = self._source.aliases
        accepted: list[Claims] = []

        def claim_problem(block: Mapping[str, str]) -> str:
            claims = read_claims(block["concepts"], self._shown, aliases)
            if len(claims.given) < self._min_concepts:
                return FEW_GIVEN
            accepted.append(claims)
            return ""

        for block in usable_blocks(
            outcome,
            completion,
            tags=_TAGS,
            template=self._template,
            context=self._context,
            max_questions=self._max_questions,
            block_problem=claim_problem,
        ):
            outcome.rows.append(
                claiming_question(
                    self._context,
                    outcome,
                    text=block["question"],
                    level=3,
                    request=self._request,
                    template=self._template,
                    documents=self._source.documents,
                    passage_chars=self._passage_chars,
                    reasoning=completion.reasoning if completion else "",
                    claims=accepted[-1],
                    shown=self._shown,
                    aliases=aliases,
                    topics=self._source.combination.topics,
                    combination=self._source.combination,
                )
            )
        return outcome


def answer_pattern(concepts: Sequence[str], max_questions: int, question_form: str) -> str:
    """Return a regular expression of well-formed output; empty with too few or too many concepts."""
    if not 2 <= len(concepts) <= _MAX_PATTERN_CONCEPTS:
        return ""
    chosen = names_pattern(names for size in (2, 3) for names in choices(concepts, size))
    return (
        rf"(?:<question>\n{question_form}\n</question>\n<concepts>\n(?:{chosen})\n</concepts>\n?)"
        rf"{{1,{max_questions}}}"
    )
