"""How many planted errors verifiers find, and how many right answers they refuse.

    python -m tests.benchmarks.verifiers [verifier ...] [--show]

Each source makes cases from a seed: right answers in another form, and wrong ones with one kind of error. A verdict
`failed` finds an error; `undecided` neither finds nor misses it. `--show` prints each right answer that was refused and
each error that passed.

A source is a function that yields `Sample`s and has the decorator `@source`; modules of other verifiers import it.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import NamedTuple

from kgsynth import randomness, verifier
from kgsynth.final_answers import final_answer
from kgsynth.records import AnsweredQuestion
from kgsynth.verifier import Case

SEED = 20
RIGHT = "right: "
# Modules with sources; each is imported when the table is made.
MODULES = tuple(f"tests.benchmarks.verifiers_{name}" for name in ("mathematics", "sciences", "knowledge"))


class Sample(NamedTuple):
    """A case for a verifier; `kind` is the planted error, or begins with `right: ` for a right answer."""

    kind: str
    case: Case


Source = Callable[[int], Iterator[Sample]]


class Registered(NamedTuple):
    """A source with the verifier that checks its cases, and a heading that says what they are."""

    verifier: str
    heading: str
    samples: Source


SOURCES: list[Registered] = []


def source(name: str, heading: str) -> Callable[[Source], Source]:
    """Register a function of the seed that yields samples for a verifier."""

    def register(samples: Source) -> Source:
        SOURCES.append(Registered(name, heading, samples))
        return samples

    return register


def sample(kind: str, question: str, final: str, *, key: Sequence[str] = (), votes: Sequence[str] = ()) -> Sample:
    """Return a sample whose answer ends in a box with a final answer.

    Args:
        kind: the planted error, or `right: ` with the form.
        question: text of the question.
        final: final answer.
        key: accepted answers.
        votes: final answers of the other votes.
    """
    texts = tuple(f"The final answer is $\\boxed{{{one}}}$." for one in (final, *votes))
    question_record = AnsweredQuestion(
        id="q-1", text=question, answer=texts[0], final_answer=final_answer(texts[0]), answer_key=tuple(key)
    )
    return Sample(kind, Case(question=question_record, votes=texts))


def chosen(seed: int, stage: str, index: int, items: Sequence[str]) -> str:
    """Return one of the items, drawn by seed, stage and index."""
    return items[int(randomness.stream(seed, stage, index).integers(len(items)))]


def table_of(registered: Registered, seed: int = SEED) -> tuple[list[str], list[str]]:
    """Return the rows of a source, and a line for each verdict that is wrong."""
    checking = verifier.load(registered.verifier)
    counts: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    for kind, case in registered.samples(seed):
        verdict = checking.check(case).verdict
        counts.setdefault(kind, Counter())[verdict] += 1
        if verdict == ("failed" if kind.startswith(RIGHT) else "passed"):
            question = case.question
            wrong.append(f"{verdict}: {kind}: {question.text} | {question.final_answer} | key {question.answer_key}")
    rows = [
        f"| {kind} | {sum(found.values())} | {found['failed']} | {found['undecided']} | {found['passed']} |"
        for kind, found in sorted(counts.items(), key=lambda entry: (not entry[0].startswith(RIGHT), entry[0]))
    ]
    return rows, wrong


def main() -> None:
    """Print a table per source, and what each verdict should be."""
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for name in MODULES:
        import_module(name)
    for registered in SOURCES:
        if arguments and registered.verifier not in arguments:
            continue
        rows, wrong = table_of(registered)
        print(f"\n### {registered.verifier}: {registered.heading}\n")
        print("| cases | number | failed | undecided | passed |\n|---|---|---|---|---|")
        print("\n".join(rows))
        if "--show" in sys.argv:
            print("\n".join(["", *wrong]))


if __name__ == "__main__":
    # The sources register themselves in the module that they import, not in this one.
    import_module("tests.benchmarks.verifiers").main()
