"""A case for a verifier, made of the texts that matter."""

from collections.abc import Sequence

from kgsynth.final_answers import final_answer
from kgsynth.generation import prompts
from kgsynth.records import AnsweredQuestion
from kgsynth.verifier import Case


def case_of(question: str, *finals: str, key: Sequence[str] = (), text: str = "") -> Case:
    """Return a case whose votes end in the given final answers, of which the first is kept.

    Args:
        question: text of the question.
        finals: final answers of the votes.
        key: accepted answers.
        text: text of the kept answer; the final answer in a box if empty.
    """
    votes = [f"The final answer is $\\boxed{{{final}}}$." for final in finals]
    if text:
        votes[0] = text
    kept = votes[0] if votes else ""
    answered = AnsweredQuestion(
        id="q-1", text=question, answer=kept, final_answer=final_answer(kept), answer_key=tuple(key), votes=len(votes)
    )
    return Case(question=answered, votes=tuple(votes))


def example_of(domain: str, task: str) -> tuple[str, str]:
    """Return question and answer of the first example in a domain's template."""
    turns = [turn for turn in prompts.load(domain, task).turns if turn.role != "system"]
    return turns[0].content, turns[1].content
