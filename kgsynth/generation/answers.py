"""Answers: one or several votes per question, the majority of their final answers, and a judge's verdict.

Verification, which the paper names as future work, is part of the stage: votes are compared as mathematics, a judge
checks the winning answer, and failures become rejects with a reason. The texts of losing votes are kept in the record.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kgsynth.faults import fault
from kgsynth.final_answers import final_answer, majority, precision_of
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import prompt_tokens, request
from kgsynth.generation.task import TOO_LONG, Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import AnsweredQuestion
from kgsynth.texts import blocks

_VERDICTS = ("correct", "incorrect", "unanswerable")
_VERDICT_LINE = re.compile(rf"^\W*(?:final )?verdict\W*(?:is\W*)?({'|'.join(_VERDICTS)})\W*$", re.MULTILINE)
_JUDGE_PATTERN = r"<reason>\n[^<\n]{10,400}\n</reason>\n<verdict>\n(?:correct|incorrect|unanswerable)\n</verdict>\n?"
_MIN_ANSWER_CHARS = 2


class Answering:
    """The generation of the answer to one question."""

    def __init__(
        self,
        question: AnsweredQuestion,
        context: Context,
        *,
        votes: int,
        min_agreement: float,
        judge: bool,
        judge_model: str = "",
    ) -> None:
        """Write the prompts.

        Args:
            question: question to answer; an existing answer is replaced.
            context: context of the run.
            votes: number of texts to request.
            min_agreement: minimum share of votes that must end in the winning answer, in [0, 1].
            judge: whether to ask for a verdict on the winning answer.
            judge_model: another model of the same server; empty for the same model.
        """
        self.unit_id = question.id
        self._question, self._context = question, context
        self._min_agreement, self._judge, self._judge_model = min_agreement, judge, judge_model
        messages = context.templates["answer"].fill(question=question.text)
        self._votes = [request(context, f"answer:{question.id}:{number}", messages) for number in range(votes)]
        self._fits = prompt_tokens(messages, context) <= context.budget_tokens

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the requests for votes; once they are done, the judge's request if an answer won."""
        if not self._fits:
            return []
        if any(vote.id not in done for vote in self._votes):
            return [vote for vote in self._votes if vote.id not in done]
        if not self._judge:
            return []
        winner = self._winning_answer(done)
        if isinstance(winner, Refusal):
            return []
        judge_request = self._judge_request(winner.answer)
        return [] if judge_request is None or judge_request.id in done else [judge_request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the answered question, or a refusal with the reason."""
        outcome = Outcome()
        if not self._fits:
            outcome.refusals.append(Refusal(reason=TOO_LONG, raw=self._question.text, is_final=True))
            return outcome
        # Tokens of the judge are counted only in the account of the run.
        outcome.add("votes", len(self._votes))
        outcome.add("vote_tokens", sum(done[vote.id].output_tokens for vote in self._votes))
        winner = self._winning_answer(done)
        if isinstance(winner, Refusal):
            outcome.refusals.append(winner)
            return outcome
        outcome.add("without_final_answer", int(not winner.final_answer))
        outcome.add("unit_missing", int(winner.unit_missing > 0))
        if self._judge:
            judge_request = self._judge_request(winner.answer)
            if judge_request is None:
                outcome.refusals.append(Refusal(reason="the answer is too long for the judge", raw=winner.answer))
                return outcome
            verdict, reason, problem = _verdict(done[judge_request.id])
            if problem or verdict != "correct":
                raw = raw_text(done[judge_request.id]) if problem else f"{reason}\n[answer: {winner.answer}]"
                wrong = winner.answer if verdict == "incorrect" else ""
                refusal = Refusal(
                    reason=problem or f"judged {verdict}", raw=raw, request_id=judge_request.id, answer=wrong
                )
                outcome.refusals.append(refusal)
                return outcome
            thoughts = done[judge_request.id].reasoning
            winner = replace(winner, verdict=verdict, verdict_reason=reason, verdict_reasoning=thoughts)
        outcome.rows.append(winner)
        return outcome

    def _winning_answer(self, done: Mapping[str, Completion]) -> AnsweredQuestion | Refusal:
        """Return the question with the answer of the majority, or a refusal with the reason."""
        completions = [done[vote.id] for vote in self._votes]
        problems = [self._text_problem(completion) for completion in completions]
        finals = [
            "" if problem else final_answer(completion.text)
            for completion, problem in zip(completions, problems, strict=True)
        ]
        best = majority(finals, precision_of(self._question.text))
        losing: tuple[str, ...] = ()
        unit_missing = 0
        if best is None:
            # A proof has no final answer: a single text without one is kept, but several texts cannot agree.
            usable = [index for index, problem in enumerate(problems) if not problem]
            if not usable or len(self._votes) > 1:
                reason = problems[0] if not usable else "no final answer in any vote"
                return Refusal(reason=reason, raw=raw_text(completions[0]), request_id=completions[0].request_id)
            index, agreement = usable[0], 1.0
        else:
            index, agreement, unit_missing = best.vote_index, best.agreement, best.unit_missing
            # Texts of the votes that end in a different answer.
            losing = tuple(
                completions[other].text.strip()
                for other in range(len(finals))
                if finals[other] and other not in best.members
            )
            if agreement < self._min_agreement:
                raw = " | ".join(final or "(none)" for final in finals)
                return Refusal(reason="too little agreement", raw=raw, request_id=completions[0].request_id)
        chosen, context = self._votes[index], self._context
        return replace(
            self._question,
            answer_id=f"a-{self._question.id}-{context.run_id}",
            verdict="",
            verdict_reason="",
            verdict_reasoning="",
            unit_missing=unit_missing,
            losing_answers=losing,
            answer_reasoning=completions[index].reasoning,
            answer=completions[index].text.strip(),
            final_answer=finals[index],
            votes=len(self._votes),
            agreement=agreement,
            vote_answers=tuple(finals),
            answer_run_id=context.run_id,
            answer_template_hash=context.templates["answer"].hash,
            answer_backend=context.backend,
            answer_model=context.model,
            answer_sampling=context.sampling,
            answer_seed=chosen.seed,
            answer_attempt=context.attempt,
        )

    def _text_problem(self, completion: Completion) -> str:
        problem = completion_problem(completion)
        if problem:
            return problem
        if len(completion.text.strip()) < _MIN_ANSWER_CHARS:
            return "no answer"
        return fault(completion.text) if self._context.has_filters else ""

    def _judge_request(self, answer: str) -> Request | None:
        """Return the judge's request, or None if the prompt does not fit."""
        messages = self._context.templates["judge"].fill(question=self._question.text, answer=answer)
        if prompt_tokens(messages, self._context) > self._context.budget_tokens:
            return None
        judge_request = request(self._context, f"judge:{self._question.id}:0", messages, pattern=_JUDGE_PATTERN)
        return replace(judge_request, model=self._judge_model)


def _verdict(completion: Completion) -> tuple[str, str, str]:
    """Return verdict, reason and, if there is no verdict, the problem."""
    problem = completion_problem(completion)
    if problem:
        return "", "", problem
    verdicts, rest = blocks(completion.text, ("verdict",))
    reasons, _ = blocks(completion.text, ("reason",))
    if verdicts:
        verdict = re.sub(r"[^a-z]", "", verdicts[-1]["verdict"].casefold())
    else:
        # Without tags, a line that states the verdict is enough.
        stated = _VERDICT_LINE.findall(completion.text.casefold())
        verdict = stated[-1] if stated else ""
    if verdict not in _VERDICTS:
        return "", "", "no verdict found"
    return verdict, reasons[-1]["reason"] if reasons else rest, ""
