"""Answers: one or several texts a question, the majority of their final answers, and a judge's verdict.

What the paper names as future work, verification, is part of the stage: votes are compared as mathematics, a judge
checks the answer that is kept, and what fails is a reject with its reason. Texts that lost stay with the one that won.
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
_SAID_VERDICT = re.compile(rf"^\W*(?:final )?verdict\W*(?:is\W*)?({'|'.join(_VERDICTS)})\W*$", re.MULTILINE)
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
        if any(one.id not in done for one in self._votes):
            return [one for one in self._votes if one.id not in done]
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
        outcome.add("unit_missing", int(kept.unit_missing > 0))
        if self._judge:
            asked = self._judging(kept.answer)
            if asked is None:
                outcome.refusals.append(Refusal(reason="the answer is too long for the judge", raw=kept.answer))
                return outcome
            verdict, reason, problem = _verdict(done[asked.id])
            if problem or verdict != "correct":
                raw = raw_text(done[asked.id]) if problem else f"{reason}\n[answer: {kept.answer}]"
                wrong = kept.answer if verdict == "incorrect" else ""
                refused = Refusal(reason=problem or f"judged {verdict}", raw=raw, request_id=asked.id, answer=wrong)
                outcome.refusals.append(refused)
                return outcome
            thoughts = done[asked.id].reasoning
            kept = replace(kept, verdict=verdict, verdict_reason=reason, verdict_reasoning=thoughts)
        outcome.rows.append(kept)
        return outcome

    def _kept(self, done: Mapping[str, Completion]) -> AnsweredQuestion | Refusal:
        """The text that the majority agrees with, or why there is none."""
        completions = [done[one.id] for one in self._votes]
        problems = [self._text_problem(one) for one in completions]
        finals = ["" if problem else final_answer(one.text) for one, problem in zip(completions, problems, strict=True)]
        best = majority(finals, precision_of(self._question.text))
        losing: tuple[str, ...] = ()
        unit_missing = 0
        if best is None:
            # A proof has no final answer; one text without any is kept, several cannot agree.
            usable = [place for place, problem in enumerate(problems) if not problem]
            if not usable or len(self._votes) > 1:
                reason = problems[0] if not usable else "no final answer in any vote"
                return Refusal(reason=reason, raw=raw_text(completions[0]), request_id=completions[0].request_id)
            place, agreement = usable[0], 1.0
        else:
            place, agreement, unit_missing = best.place, best.agreement, best.unit_missing
            # Texts of the votes that end in another answer.
            losing = tuple(
                completions[other].text.strip()
                for other in range(len(finals))
                if finals[other] and other not in best.members
            )
            if agreement < self._min_agreement:
                raw = " | ".join(final or "(none)" for final in finals)
                return Refusal(reason="too little agreement", raw=raw, request_id=completions[0].request_id)
        chosen, context = self._votes[place], self._context
        return replace(
            self._question,
            answer_id=f"a-{self._question.id}-{context.run_id}",
            verdict="",
            verdict_reason="",
            verdict_reasoning="",
            unit_missing=unit_missing,
            losing_answers=losing,
            answer_reasoning=completions[place].reasoning,
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

    def _text_problem(self, completion: Completion) -> str:
        problem = completion_problem(completion)
        if problem:
            return problem
        if len(completion.text.strip()) < _MIN_ANSWER_CHARS:
            return "no answer"
        return fault(completion.text) if self._context.has_filters else ""

    def _judging(self, answer: str) -> Request | None:
        """The judge's request; None when it does not fit."""
        messages = self._context.templates["judge"].fill(question=self._question.text, answer=answer)
        if prompt_tokens(messages, self._context) > self._context.budget_tokens:
            return None
        made = request(self._context, f"judge:{self._question.id}:0", messages, pattern=_JUDGE_PATTERN)
        return replace(made, model=self._judge_model)


def _verdict(completion: Completion) -> tuple[str, str, str]:
    """Verdict, reason, and the problem when there is no verdict."""
    problem = completion_problem(completion)
    if problem:
        return "", "", problem
    found, rest = blocks(completion.text, ("verdict",))
    reasons, _ = blocks(completion.text, ("reason",))
    if found:
        verdict = re.sub(r"[^a-z]", "", found[-1]["verdict"].casefold())
    else:
        # A line that names the verdict will do.
        said = _SAID_VERDICT.findall(completion.text.casefold())
        verdict = said[-1] if said else ""
    if verdict not in _VERDICTS:
        return "", "", "no verdict found"
    return verdict, reasons[-1]["reason"] if reasons else rest, ""
