"""Answers: one or several texts a question, the majority of their final answers, and a judge's verdict.

What the paper names as future work, verification, is part of the stage: votes are compared as mathematics, a judge
checks the answer that is kept, and what fails is a reject with its reason.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.questions import prompt_tokens, request
from kgsynth.generation.task import TOO_LONG, Context, Outcome, Refusal, completion_problem
from kgsynth.generation.votes import final_answer, majority
from kgsynth.records import AnsweredQuestion
from kgsynth.texts import blocks, loops

_VERDICTS = ("correct", "incorrect", "unanswerable")
_JUDGE_PATTERN = r"<reason>\n[^<\n]{10,400}\n</reason>\n<verdict>\n(?:correct|incorrect|unanswerable)\n</verdict>\n?"
_MIN_ANSWER_CHARS = 2


class Answering:
    """The work on one question."""

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
            question: to answer; an answer that it has is replaced.
            context: of the run.
            votes: texts asked for.
            min_agreement: least share of the votes that must end in the kept answer, in [0, 1].
            judge: ask for a verdict on the kept answer.
            judge_model: another model of the same server, empty for the same.
        """
        self.unit_id = question.id
        self._question, self._context = question, context
        self._min_agreement, self._judge, self._judge_model = min_agreement, judge, judge_model
        messages = context.templates["answer"].fill(question=question.text)
        self._votes = [request(context, f"answer:{question.id}:{number}", messages) for number in range(votes)]
        self._fits = prompt_tokens(messages, context) <= context.budget_tokens

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """The votes; then, for an answer that is kept, the judge's."""
        if not self._fits:
            return []
        if not done:
            return self._votes
        if not self._judge:
            return []
        kept = self._kept(done)
        if isinstance(kept, Refusal):
            return []
        asked = self._judging(kept.answer)
        return [] if asked is None or asked.id in done else [asked]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """The answered question, or why there is none."""
        outcome = Outcome()
        if not self._fits:
            outcome.refusals.append(Refusal(reason=TOO_LONG, raw=self._question.text, is_final=True))
            return outcome
        # Without the judge's, which are in the account of the run.
        outcome.add("votes", len(self._votes))
        outcome.add("vote_tokens", sum(done[one.id].output_tokens for one in self._votes))
        kept = self._kept(done)
        if isinstance(kept, Refusal):
            outcome.refusals.append(kept)
            return outcome
        outcome.add("without_final_answer", int(not kept.final_answer))
        if self._judge:
            asked = self._judging(kept.answer)
            if asked is None:
                outcome.refusals.append(Refusal(reason="the answer is too long for the judge", raw=kept.answer))
                return outcome
            verdict, reason, problem = _verdict(done[asked.id])
            if problem or verdict != "correct":
                raw = done[asked.id].text if problem else f"{reason}\n[answer: {kept.answer}]"
                refused = Refusal(reason=problem or f"judged {verdict}", raw=raw, request_id=asked.id)
                outcome.refusals.append(refused)
                return outcome
            kept = replace(kept, verdict=verdict, verdict_reason=reason)
        outcome.rows.append(kept)
        return outcome

    def _kept(self, done: Mapping[str, Completion]) -> AnsweredQuestion | Refusal:
        """The text that the majority agrees with, or why there is none."""
        completions = [done[one.id] for one in self._votes]
        problems = [_text_problem(one) for one in completions]
        finals = ["" if problem else final_answer(one.text) for one, problem in zip(completions, problems, strict=True)]
        best = majority(finals)
        if best is None:
            # A proof has no final answer; one text without any is kept, several cannot agree.
            usable = [place for place, problem in enumerate(problems) if not problem]
            if not usable or len(self._votes) > 1:
                reason = problems[0] if not usable else "no final answer in any vote"
                return Refusal(reason=reason, raw=completions[0].text, request_id=completions[0].request_id)
            place, agreement = usable[0], 1.0
        else:
            place, agreement = best.place, best.agreement
            if agreement < self._min_agreement:
                raw = " | ".join(final or "(none)" for final in finals)
                return Refusal(reason="too little agreement", raw=raw, request_id=completions[0].request_id)
        chosen, context = self._votes[place], self._context
        return replace(
            self._question,
            answer_id=f"a-{self._question.id}-{context.run_id}",
            verdict="",
            verdict_reason="",
            answer=completions[place].text.strip(),
            final_answer=finals[place],
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

    def _judging(self, answer: str) -> Request | None:
        """The judge's request; None when it does not fit."""
        messages = self._context.templates["judge"].fill(question=self._question.text, answer=answer)
        if prompt_tokens(messages, self._context) > self._context.budget_tokens:
            return None
        made = request(self._context, f"judge:{self._question.id}:0", messages, pattern=_JUDGE_PATTERN)
        return replace(made, model=self._judge_model)


def _text_problem(completion: Completion) -> str:
    problem = completion_problem(completion)
    if problem:
        return problem
    if len(completion.text.strip()) < _MIN_ANSWER_CHARS:
        return "no answer"
    return "loops" if loops(completion.text) else ""


def _verdict(completion: Completion) -> tuple[str, str, str]:
    """Verdict, reason, and the problem when there is no verdict."""
    problem = completion_problem(completion)
    if problem:
        return "", "", problem
    found, _ = blocks(completion.text, ("reason", "verdict"))
    if not found:
        return "", "", "no verdict found"
    verdict = re.sub(r"[^a-z]", "", found[-1]["verdict"].casefold())
    return (verdict, found[-1]["reason"], "") if verdict in _VERDICTS else ("", "", "no verdict found")
