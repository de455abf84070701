"""Level 2: questions from one document and combinations of 2 or 3 of its concepts, each used once per document.

The paper leaves the choice of concepts to the model. Here they are drawn by seed, so that the choice is uniform and
can be repeated. `chosen_by="model"` works as in the paper, and the model's choice is checked.
"""

from collections.abc import Collection, Mapping, Sequence
from math import comb

from kgsynth.generation import passages
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.claims import FEW_GIVEN, Claims, read_claims
from kgsynth.generation.questions import (
    NO_TEXT,
    SourceDocument,
    claiming_question,
    names_pattern,
    prompt_tokens,
    request,
    shown_names,
    usable_blocks,
)
from kgsynth.generation.task import Context, Outcome, Refusal
from kgsynth.randomness import stream

_TAGS = ("question", "concepts")
# Hundreds of names in the prompt would leave no room for the text.
_MAX_SHOWN_CONCEPTS = 60


class Level2:
    """The generation of level 2 questions from one document."""

    is_slow = False

    def __init__(
        self,
        document: SourceDocument,
        context: Context,
        *,
        max_questions: int,
        chosen_by: str,
        min_concepts: int = 1,
        taken: Collection[frozenset[str]] = (),
    ) -> None:
        """Choose the combinations and write the prompt; the document is cut to fit.

        Args:
            document: document to write questions from.
            context: context of the run.
            max_questions: maximum number of questions.
            chosen_by: "seed" or "model".
            min_concepts: minimum number of given concepts that a question must name.
            taken: in a retry, combinations for which the document already has questions.
        """
        self._taken, self._min_concepts = taken, min_concepts
        self.unit_id = document.id
        self._document, self._context, self._max_questions = document, context, max_questions
        self._shown = shown_names(document.concepts, document.names)
        self._chosen: list[tuple[str, ...]] | None = None
        self._request = None
        self._is_cut = self._fits = False
        self._passage_chars = (0,)
        if len(self._shown) < 2:
            return
        known = sum(len(terms) in (2, 3) and terms <= set(self._shown) for terms in taken)
        free = comb(len(self._shown), 2) + comb(len(self._shown), 3) - known
        if free < 1:
            return
        request_id = f"level2:{document.id}"
        slots = {"title": document.title or "(none)", "max_questions": str(max_questions)}
        if chosen_by == "seed":
            self._template = context.templates["level2"]
            self._chosen = draw(sorted(self._shown), count=max_questions, seed=context.seed_of(request_id), taken=taken)
            names = [[self._shown[term] for term in terms] for terms in self._chosen]
            slots["combinations"] = "\n".join(
                f"{number}. {'; '.join(chosen)}" for number, chosen in enumerate(names, 1)
            )
            pattern = "".join(
                rf"<question>\n{context.question_form}\n</question>\n<concepts>\n{names_pattern([chosen])}\n"
                rf"</concepts>\n?"
                for chosen in names
            )
        else:
            self._template = context.templates["level2_free"]
            listed = list(self._shown.values())[:_MAX_SHOWN_CONCEPTS]
            slots["concepts"] = "; ".join(listed)
            name = names_pattern([[shown_name] for shown_name in listed])
            pattern = (
                rf"(?:<question>\n{context.question_form}\n</question>\n<concepts>\n(?:{name})(?:; (?:{name})){{1,2}}\n"
                rf"</concepts>\n?){{1,{max_questions}}}"
            )
        room = context.budget_tokens - prompt_tokens(self._template.fill(document="", **slots), context)
        text = passages.cut(document.text.strip(), room, context.count_tokens)
        self._is_cut, self._fits = text != document.text.strip(), bool(text)
        self._passage_chars = (passages.shown_chars(document.text, text),)
        self._request = request(context, request_id, self._template.fill(document=text, **slots), pattern=pattern)

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the only request, for a document with at least two concepts."""
        return [] if done or self._request is None or not self._fits else [self._request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the usable questions, and a refusal for each of the others."""
        outcome = Outcome(totals={"truncated_documents": int(self._is_cut)})
        if not self._document.text.strip():
            outcome.refusals.append(Refusal(reason=NO_TEXT, raw="", is_final=True))
            return outcome
        if self._request is None:
            reason = "no combination is left" if len(self._shown) > 1 else "a document of fewer than 2 concepts"
            outcome.refusals.append(Refusal(reason=reason, raw=", ".join(self._shown.values()), is_final=True))
            return outcome
        completion = done.get(self._request.id)
        used: set[frozenset[str]] = set(self._taken)
        accepted: list[Claims] = []

        def claim_problem(block: Mapping[str, str]) -> str:
            claims, combination, problem = self._claims(block["concepts"], used)
            used.add(combination)
            if not problem:
                accepted.append(claims)
            return problem

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
                    level=2,
                    request=self._request,
                    template=self._template,
                    documents=[self._document],
                    passage_chars=self._passage_chars,
                    reasoning=completion.reasoning if completion else "",
                    claims=accepted[-1],
                    shown=self._shown,
                    aliases=self._document.aliases,
                    topics=self._document.topics,
                )
            )
        return outcome

    def _claims(self, claimed: str, used: set[frozenset[str]]) -> tuple[Claims, frozenset[str], str]:
        """Return the claims of a question within one allowed combination, that combination, and the problem if any."""
        claims = read_claims(claimed, self._shown, self._document.aliases)
        combination = claimed_terms = frozenset(claims.given)
        if self._chosen is not None:
            # Assign the requested combination that shares the largest number of concepts with the claims.
            best = max(self._chosen, key=lambda terms: (len(set(terms) & claimed_terms), frozenset(terms) not in used))
            others = tuple(self._shown[term] for term in claims.given if term not in best)
            given = tuple(term for term in claims.given if term in best)
            combination = frozenset(best)
            claims = Claims(given=given, foreign=claims.foreign + others)
        if len(claims.given) < self._min_concepts:
            return claims, frozenset(), FEW_GIVEN
        if combination in used and combination:
            return claims, combination, "a combination twice in a document"
        return claims, combination, ""


def draw(
    terms: Sequence[str], *, count: int, seed: int, taken: Collection[frozenset[str]] = ()
) -> list[tuple[str, ...]]:
    """Draw up to `count` different sets of 2 or 3 terms: each size is equally likely, then each set of that size.

    Args:
        terms: at least 2 terms, sorted, so that the draw depends only on the terms and the seed.
        count: number of sets; fewer are returned if there are fewer.
        seed: seed of the draw.
        taken: sets that must not be drawn.
    """
    rng = stream(seed, "level2", 0)
    number = len(terms)
    known = [used for used in taken if used <= set(terms)]
    available = {size: comb(number, size) - sum(len(used) == size for used in known) for size in (2, 3)}
    chosen: dict[tuple[str, ...], None] = {}
    target = min(count, sum(available.values()))
    while len(chosen) < target:
        sizes = [size for size, set_count in available.items() if set_count]
        size = sizes[int(rng.integers(len(sizes)))]
        picked = tuple(terms[index] for index in sorted(rng.choice(number, size=size, replace=False)))
        if picked not in chosen and frozenset(picked) not in taken:
            chosen[picked] = None
            available[size] -= 1
    return list(chosen)
