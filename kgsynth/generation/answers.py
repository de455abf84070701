"""Answers: one or several votes per question, the vote to keep, and the verdicts of verifiers and of a judge.

Final answers of votes are compared by their type, and the majority is kept, unless a verifier chooses. Verifiers record
a verdict with a score; only required verifiers and the judge remove an answer, with a reason. The texts of losing votes
are kept in the record.
"""

import logging
import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kgsynth.faults import fault
from kgsynth.final_answers import final_answer, majority, precision_of
from kgsynth.generation import passages as passage_texts
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.prompts import VERIFY, Template
from kgsynth.generation.questions import prompt_tokens, request
from kgsynth.generation.task import TOO_LONG, Context, Outcome, Refusal, completion_problem, raw_text
from kgsynth.records import AnsweredQuestion, Check, content_hash
from kgsynth.texts import blocks
from kgsynth.verifier import Case, Finding, Passage, RunProgram, Verifier, not_run

_LOG = logging.getLogger(__name__)

_VERDICTS = ("correct", "incorrect", "unanswerable")
_VERDICT_LINE = re.compile(rf"^\W*(?:final )?verdict\W*(?:is\W*)?({'|'.join(_VERDICTS)})\W*$", re.MULTILINE)
_JUDGE_PATTERN = r"<reason>\n[^<\n]{10,400}\n</reason>\n<verdict>\n(?:correct|incorrect|unanswerable)\n</verdict>\n?"
_MIN_ANSWER_CHARS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How answers are verified.

    Attributes:
        verifiers: verifiers in the order in which they run.
        required: names of verifiers that must pass an answer; without it, the answer becomes a reject.
        run: runs a program in the sandbox.
        imports: packages that programs may import.
        limits: limits of the sandbox as JSON, for the records.
    """

    verifiers: tuple[Verifier, ...] = ()
    required: frozenset[str] = frozenset()
    run: RunProgram = not_run
    imports: tuple[str, ...] = ()
    limits: str = ""

    @property
    def is_slow(self) -> bool:
        """Whether a verifier runs programs."""
        return any("sandbox" in verifier.needs for verifier in self.verifiers)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionToAnswer:
    """A question with the parts of its documents that its prompt contained."""

    question: AnsweredQuestion
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The vote to keep.

    Attributes:
        question: the question with its answer.
        votes: texts of the usable votes.
        vote: index of the kept text in `votes`.
        finding: the verdict of the verifier that chose the vote; None for the majority of final answers.
    """

    question: AnsweredQuestion
    votes: tuple[str, ...]
    vote: int
    finding: Finding | None = None


class Answering:
    """The generation and verification of the answer to one question."""

    def __init__(
        self,
        unit: QuestionToAnswer,
        context: Context,
        *,
        votes: int,
        min_agreement: float,
        judge: bool,
        judge_model: str = "",
        verification: Verification | None = None,
    ) -> None:
        """Write the prompts.

        Args:
            unit: question to answer; an existing answer is replaced.
            context: context of the run.
            votes: number of texts to request.
            min_agreement: minimum share of votes that must agree with the kept answer, in [0, 1].
            judge: whether to ask for a verdict on the kept answer.
            judge_model: another model of the same server; empty for the same model.
            verification: the verifiers; None for none.
        """
        question = unit.question
        self.unit_id = question.id
        self._question, self._passages, self._context = question, unit.passages, context
        self._min_agreement, self._judge, self._judge_model = min_agreement, judge, judge_model
        self._verification = verification or Verification()
        self._verifiers = [one for one in self._verification.verifiers if one.applies(question)]
        self.is_slow = self._verification.is_slow
        messages = self._filled(context.templates["answer"])
        self._votes = [request(context, f"answer:{question.id}:{number}", messages) for number in range(votes)]
        self._fits = prompt_tokens(messages, context) <= context.budget_tokens
        self._texts = {verifier.name: self._text_requests(verifier) for verifier in self._verifiers}
        required = self._verification.required
        self._is_checked = not required or any(verifier.name in required for verifier in self._verifiers)
        self._kept: _Kept | Refusal | None = None

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        """Return the requests for votes and for texts of verifiers; then the judge's request if an answer is kept."""
        if not self._fits or not self._is_checked:
            return []
        first = [*self._votes, *(text for texts in self._texts.values() for text in texts)]
        missing = [needed for needed in first if needed.id not in done]
        if missing:
            return missing
        if not self._judge:
            return []
        kept = self._keep(done)
        if isinstance(kept, Refusal):
            return []
        judge_request = self._judge_request(kept.question.answer)
        return [] if judge_request is None or judge_request.id in done else [judge_request]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        """Return the answered question, or a refusal with the reason."""
        outcome = Outcome()
        if not self._fits:
            outcome.refusals.append(Refusal(reason=TOO_LONG, raw=self._question.text, is_final=True))
            return outcome
        if not self._is_checked:
            reason = "checked by none of the required verifiers"
            outcome.refusals.append(Refusal(reason=reason, raw=self._question.text, is_final=True))
            return outcome
        # Tokens of the judge and of verifiers are counted only in the account of the run.
        outcome.add("votes", len(self._votes))
        outcome.add("vote_tokens", sum(done[vote.id].output_tokens for vote in self._votes))
        kept = self._keep(done)
        if isinstance(kept, Refusal):
            outcome.refusals.append(kept)
            return outcome
        answered = kept.question
        outcome.add("without_final_answer", int(not answered.final_answer))
        outcome.add("unit_missing", int(answered.unit_missing > 0))
        answered = replace(answered, checks=self._checks(kept, done, outcome))
        if self._judge:
            judged = self._judged(answered, done)
            if isinstance(judged, Refusal):
                outcome.refusals.append(judged)
                return outcome
            answered = judged
        refusal = self._not_passed(answered)
        if refusal is None:
            outcome.rows.append(answered)
        else:
            outcome.refusals.append(refusal)
        return outcome

    def _filled(self, template: Template) -> Any:
        """Return the messages of a template for this question."""
        slots = {"question": self._question.text, "imports": ", ".join(self._verification.imports)}
        if not template.has("passages"):
            return template.fill(passages="", **slots)
        room = self._context.budget_tokens - prompt_tokens(template.fill(passages="", **slots), self._context)
        texts = [(passage.title, passage.text) for passage in self._passages if passage.text]
        fitted = passage_texts.fit(texts, max(room, 0), self._context.count_tokens)
        return template.fill(passages=fitted.text, **slots)

    def _text_requests(self, verifier: Verifier) -> list[Request]:
        """Return the requests for the texts of a verifier; none if the prompt does not fit."""
        if not verifier.texts:
            return []
        task = VERIFY + verifier.name
        messages = self._filled(self._context.templates[task])
        if prompt_tokens(messages, self._context) > self._context.budget_tokens:
            return []
        return [
            request(self._context, f"{task}:{self._question.id}:{number}", messages) for number in range(verifier.texts)
        ]

    def _keep(self, done: Mapping[str, Completion]) -> _Kept | Refusal:
        """Return the question with the answer to keep, or a refusal with the reason; decided only once."""
        if self._kept is None:
            self._kept = self._choose(done)
        return self._kept

    def _choose(self, done: Mapping[str, Completion]) -> _Kept | Refusal:
        completions = [done[vote.id] for vote in self._votes]
        problems = [self._text_problem(completion) for completion in completions]
        usable = [index for index, problem in enumerate(problems) if not problem]
        if not usable:
            return Refusal(reason=problems[0], raw=raw_text(completions[0]), request_id=completions[0].request_id)
        chooser = next((verifier for verifier in self._verifiers if verifier.chooses), None)
        if chooser is not None:
            return self._chosen_by(chooser, completions, usable, done)
        return self._majority(completions, usable)

    def _majority(self, completions: Sequence[Completion], usable: Sequence[int]) -> _Kept | Refusal:
        """Keep a vote of the largest group with equal final answers."""
        finals = [
            final_answer(completion.text) if index in usable else "" for index, completion in enumerate(completions)
        ]
        best = majority(finals, precision_of(self._question.text))
        losing: list[int] = []
        unit_missing = 0
        if best is None:
            # A proof has no final answer: a single text without one is kept, but several texts cannot agree.
            if len(self._votes) > 1:
                reason = "no final answer in any vote"
                return Refusal(reason=reason, raw=raw_text(completions[0]), request_id=completions[0].request_id)
            index, agreement = usable[0], 1.0
        else:
            index, agreement, unit_missing = best.vote_index, best.agreement, best.unit_missing
            losing = [other for other in range(len(finals)) if finals[other] and other not in best.members]
        return self._kept_vote(
            completions, usable, index, finals=finals, agreement=agreement, losing=losing, unit_missing=unit_missing
        )

    def _chosen_by(
        self,
        verifier: Verifier,
        completions: Sequence[Completion],
        usable: Sequence[int],
        done: Mapping[str, Completion],
    ) -> _Kept | Refusal:
        """Keep the vote that a verifier chooses; the first usable one if it chooses none."""
        votes = [completions[vote].text for vote in usable]
        finding = _finding(verifier, self._case(verifier, self._question, votes, 0, done))
        index = usable[finding.best_vote or 0]
        agreement = finding.agreeing / len(self._votes) if finding.agreeing else 1 / len(self._votes)
        return self._kept_vote(
            completions,
            usable,
            index,
            finals=[""] * len(completions),
            agreement=min(agreement, 1.0),
            losing=[usable[vote] for vote in finding.losing_votes],
            finding=finding,
            # Where nothing could be run, nothing is known about agreement.
            min_agreement=self._min_agreement if finding.agreeing else 0.0,
        )

    def _kept_vote(
        self,
        completions: Sequence[Completion],
        usable: Sequence[int],
        index: int,
        *,
        finals: Sequence[str],
        agreement: float,
        losing: Sequence[int],
        unit_missing: int = 0,
        finding: Finding | None = None,
        min_agreement: float | None = None,
    ) -> _Kept | Refusal:
        if agreement < (self._min_agreement if min_agreement is None else min_agreement):
            raw = " | ".join(final or "(none)" for final in finals)
            return Refusal(reason="too little agreement", raw=raw, request_id=completions[0].request_id)
        context = self._context
        answered = replace(
            self._question,
            answer_id=f"a-{self._question.id}-{context.run_id}",
            verdict="",
            verdict_reason="",
            verdict_reasoning="",
            unit_missing=unit_missing,
            losing_answers=tuple(completions[other].text.strip() for other in losing),
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
            answer_seed=self._votes[index].seed,
            answer_attempt=context.attempt,
        )
        votes = tuple(completions[vote].text.strip() for vote in usable)
        return _Kept(question=answered, votes=votes, vote=list(usable).index(index), finding=finding)

    def _case(
        self,
        verifier: Verifier,
        question: AnsweredQuestion,
        votes: Sequence[str],
        kept_vote: int,
        done: Mapping[str, Completion],
    ) -> Case:
        texts = [done[text.id] for text in self._texts[verifier.name]]
        return Case(
            question=question,
            votes=tuple(votes),
            kept_vote=kept_vote,
            passages=self._passages if "passages" in verifier.needs else (),
            texts=tuple("" if completion_problem(text) else text.text for text in texts),
            run=self._verification.run if "sandbox" in verifier.needs else not_run,
            imports=self._verification.imports,
        )

    def _checks(self, kept: _Kept, done: Mapping[str, Completion], outcome: Outcome) -> tuple[Check, ...]:
        """Return the verdicts of all verifiers; their evidence and counts are added to the outcome."""
        checks = []
        for verifier in self._verifiers:
            finding = kept.finding if verifier.chooses else None
            if finding is None:
                finding = _finding(verifier, self._case(verifier, kept.question, kept.votes, kept.vote, done))
            evidence_id = ""
            if finding.evidence:
                evidence_id = f"e-{content_hash([kept.question.answer_id, verifier.name])[:16]}"
                outcome.evidence.append(
                    {**finding.evidence, "id": evidence_id, "unit_id": self.unit_id, "verifier": verifier.name}
                )
            outcome.add(f"{verifier.name}_{finding.verdict}")
            checks.append(
                Check(
                    verifier=verifier.name,
                    version=verifier.version,
                    kind=verifier.kind,
                    verdict=finding.verdict,
                    score=finding.score,
                    reason=finding.reason,
                    agreeing=finding.agreeing,
                    routes=finding.routes,
                    evidence_id=evidence_id,
                    limits=self._verification.limits if "sandbox" in verifier.needs else "",
                )
            )
        return tuple(checks)

    def _not_passed(self, answered: AnsweredQuestion) -> Refusal | None:
        """Return a refusal if a required verifier did not pass the answer; one that does not apply does not matter."""
        for check in answered.checks:
            if check.verifier not in self._verification.required or check.verdict == "passed":
                continue
            # A fault of the question, or a missing quotation, does not make the answer wrong.
            is_wrong = check.verdict == "failed" and check.kind in ("computation", "execution") and check.routes > 0
            reason = f"failed {check.verifier}" if check.verdict == "failed" else f"undecided by {check.verifier}"
            raw = f"{check.reason}\n[answer: {answered.answer}]"
            return Refusal(
                reason=reason, raw=raw, request_id=self._votes[0].id, answer=answered.answer if is_wrong else ""
            )
        return None

    def _judged(self, answered: AnsweredQuestion, done: Mapping[str, Completion]) -> AnsweredQuestion | Refusal:
        """Return the answered question with the judge's verdict, or a refusal."""
        judge_request = self._judge_request(answered.answer)
        if judge_request is None:
            return Refusal(reason="the answer is too long for the judge", raw=answered.answer)
        verdict, reason, problem = _verdict(done[judge_request.id])
        if problem or verdict != "correct":
            raw = raw_text(done[judge_request.id]) if problem else f"{reason}\n[answer: {answered.answer}]"
            wrong = answered.answer if verdict == "incorrect" else ""
            return Refusal(reason=problem or f"judged {verdict}", raw=raw, request_id=judge_request.id, answer=wrong)
        thoughts = done[judge_request.id].reasoning
        return replace(answered, verdict=verdict, verdict_reason=reason, verdict_reasoning=thoughts)

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


def _finding(verifier: Verifier, case: Case) -> Finding:
    """Return the finding of a verifier; undecided if it stops with an error, which the evidence shows."""
    try:
        return verifier.check(case)
    except Exception as error:  # noqa: BLE001 - a fault of one verifier must not end a run
        _LOG.warning("the verifier %s stopped at %s: %r", verifier.name, case.question.id, error)
        reason = f"the verifier stopped: {type(error).__name__}"
        return Finding(
            verdict="undecided",
            score=0.0,
            reason=reason,
            evidence={"error": "".join(traceback.format_exception(error))},
        )


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
