"""Ask a language model whether two names mean the same concept, in both orders, several pairs per request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import prompt_tokens, request
from kgsynth.generation.task import BACKEND_ERROR, TOO_LONG, Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import content_hash

TASK = "judge_names"
CHOICES = ("yes", "no")
_ANSWER = re.compile(r"(?:^|[\n,;])\W{0,3}(\d+)\W{0,4}\b(yes|no)\b", re.IGNORECASE)
# Without a number, the answer is the first word, or the only yes or no at the end: "Yes.", "The answer is: no".
_FIRST_WORD = re.compile(r"\W*(yes|no)\b(?!\W{0,3}(?:(?:or|and)\W+)?(?!\1\b)(?:yes|no)\b)", re.IGNORECASE)
_LAST_WORD = re.compile(r"(?:(?!\b(?:yes|no)\b).)*\b(yes|no)\W*", re.IGNORECASE | re.DOTALL)
_ORDERS = ("forward", "backward")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePair:
    """Two terms, the smaller id first, with a sentence that uses each name; a sentence may be empty."""

    first_id: str
    second_id: str
    first: str
    second: str
    first_sentence: str = ""
    second_sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPack:
    """Pairs that are asked about in one request."""

    pairs: tuple[NamePair, ...]

    @property
    def id(self) -> str:
        """Id of the pack: a hash of the ids of its pairs."""
        return content_hash([[pair.first_id, pair.second_id] for pair in self.pairs])[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A model's verdict on two names.

    `forward` and `backward` are the probabilities of yes in the two orders of the names, in (0, 1); they are 0 or 1 if
    `has_chances` is false, because the backend gave only the words yes and no.
    """

    first_id: str
    second_id: str
    first: str
    second: str
    forward: float
    backward: float
    has_chances: bool
    run_id: str = ""
    request_id: str = ""
    template_hash: str = ""
    backend: str = ""
    model: str = ""
    sampling: str = ""  # JSON
    seed: int = 0
    attempt: int = 0


class JudgeNames:
    """The verdicts on one pack of pairs: one request per order of the names."""

    is_slow = False

    def __init__(self, pack: PairPack, context: Context) -> None:
        """Write both prompts; without the sentences if they do not fit."""
        self.unit_id = pack.id
        self._pack, self._context = pack, context
        template = context.templates[TASK]
        self._requests: dict[str, Request] = {}
        for order in _ORDERS:
            for has_sentences in (True, False):
                pairs = "\n".join(
                    _asked(
                        number if len(pack.pairs) > 1 else None,
                        pair,
                        is_swapped=order == "backward",
                        has_sentences=has_sentences,
                    )
                    for number, pair in enumerate(pack.pairs, 1)
                )
                messages = template.fill(pairs=pairs)
                if prompt_tokens(messages, context) <= context.budget_tokens:
                    made = request(context, f"{TASK}:{pack.id}:{order}", messages, pattern=_pattern(len(pack.pairs)))
                    self._requests[order] = replace(made, choices=CHOICES)
                    break

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return both requests, or none if one of them is too long for the model."""
        return [] if done or len(self._requests) < len(_ORDERS) else list(self._requests.values())

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return a verdict per pair; a pair that is not answered in both orders is refused."""
        outcome = Outcome()
        if len(self._requests) < len(_ORDERS):
            outcome.refusals.extend(Refusal(reason=TOO_LONG, raw="", is_final=True) for _ in self._pack.pairs)
            return outcome
        answers = {}
        for order, asked in self._requests.items():
            completion = done[asked.id]
            problem = completion_problem(completion)
            # What stands before the end of a text that was cut off is an answer.
            answers[order] = {} if problem == BACKEND_ERROR else read_verdicts(completion, len(self._pack.pairs))
        for number, pair in enumerate(self._pack.pairs, 1):
            missing = next((order for order in _ORDERS if number not in answers[order]), "")
            if missing:
                completion = done[self._requests[missing].id]
                reason = completion_problem(completion) or "no yes or no on a pair"
                outcome.refusals.append(
                    Refusal(reason=reason, raw=raw_text(completion), request_id=completion.request_id)
                )
                continue
            outcome.rows.append(self._judgement(pair, answers["forward"][number], answers["backward"][number], done))
        return outcome

    def _judgement(self, pair: NamePair, forward: float, backward: float, done: Mapping[str, Completion]) -> Judgement:
        context, asked = self._context, self._requests["forward"]
        return Judgement(
            first_id=pair.first_id,
            second_id=pair.second_id,
            first=pair.first,
            second=pair.second,
            forward=round(forward, 6),
            backward=round(backward, 6),
            has_chances=bool(done[asked.id].chances),
            run_id=context.run_id,
            request_id=asked.id,
            template_hash=context.templates[TASK].hash,
            backend=context.backend,
            model=context.model,
            sampling=context.sampling,
            seed=asked.seed,
            attempt=context.attempt,
        )


def read_verdicts(completion: Completion, count: int) -> dict[int, float]:
    """Return the probability of yes by number of the pair; 0 or 1 where the backend gave no probabilities.

    Only numbers from 1 to `count` that are answered once count. A single pair may be answered without its number.
    """
    written = [(int(number), word.casefold()) for number, word in _ANSWER.findall(completion.text)]
    if not written and count == 1:
        lone = _FIRST_WORD.match(completion.text) or _LAST_WORD.fullmatch(completion.text)
        written = [(1, lone.group(1).casefold())] if lone else []
    numbers = [number for number, _ in written]
    # Probabilities belong to the answers in order; where their numbers differ, the words alone count.
    chances = completion.chances if len(completion.chances) == len(written) else ()
    return {
        number: chances[index] if chances else float(word == CHOICES[0])
        for index, (number, word) in enumerate(written)
        if 1 <= number <= count and numbers.count(number) == 1
    }


def _asked(number: int | None, pair: NamePair, *, is_swapped: bool, has_sentences: bool) -> str:
    """Return the question about a pair, after a sentence for each name; with a number if there are several pairs.

    A question in plain words is judged better than a list of names with a bar between (docs/figures/merging.md).
    """
    names = [(pair.first, pair.first_sentence), (pair.second, pair.second_sentence)]
    if is_swapped:
        names.reverse()
    lines = [f"{name}: {sentence}" for name, sentence in names if sentence and has_sentences]
    question = f'Do "{names[0][0]}" and "{names[1][0]}" mean the same?'
    return "\n".join([*lines, question if number is None else f"{number}. {question}"])


def _pattern(count: int) -> str:
    if count == 1:
        return "|".join(CHOICES)
    return "\n".join(rf"{number}\. (?:yes|no)" for number in range(1, count + 1))
