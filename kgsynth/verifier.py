"""The interface of verifiers, which check answers: what a verifier gets, and what it returns.

A verifier is found by an entry point of the group `kgsynth.verifiers`, which names a class or function that returns it
without arguments. `kgsynth.verification` holds those of kgsynth.

A finding is a recorded score with evidence. It removes an answer only if `--require` names the verifier. A verifier
that cannot decide says so: `undecided` is neither right nor wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal, Protocol

from kgsynth import plugins
from kgsynth.errors import ConfigError, MissingExtraError, quoted
from kgsynth.records import AnsweredQuestion

Verdict = Literal["passed", "failed", "undecided"]
# computation: answers are compared by value; execution: programs were run; quotation: text was found in documents;
# structure: a form was checked; judgement: a model said so, which alone is never called verified.
Kind = Literal["computation", "execution", "quotation", "structure", "judgement"]
Need = Literal["sandbox", "passages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The part of a document that the prompt of the question contained."""

    document: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Result of a program in the sandbox.

    `state` is `finished`, `failed` (an exit code other than 0), `timed out`, `out of memory`, `too much output` or
    `killed`; `not run` where no sandbox holds, with the reason in `stderr`.
    """

    state: str
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    seconds: float = 0.0


# Runs a Python program, given its text and other files by name, with the packages that the domain allows.
RunProgram = Callable[[str, Mapping[str, str]], Execution]


def not_run(program: str, files: Mapping[str, str]) -> Execution:
    """Run nothing: the default where there is no sandbox."""
    del program, files
    return Execution(state="not run", stderr="there is no sandbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a verifier gets.

    Attributes:
        question: the question with the kept answer, its final answer, and the key if it is known.
        votes: texts of all usable votes, with the kept answer among them.
        kept_vote: index of the kept answer in `votes`.
        passages: the documents of the question; only if the verifier needs passages.
        texts: texts that the model wrote for this verifier, from the template `verify_NAME`; unusable ones are empty.
        run: runs a program in the sandbox.
        imports: packages that programs may import.
    """

    question: AnsweredQuestion
    votes: tuple[str, ...] = ()
    kept_vote: int = 0
    passages: tuple[Passage, ...] = ()
    texts: tuple[str, ...] = ()
    run: RunProgram = not_run
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a verifier returns.

    Attributes:
        verdict: `passed`, `failed` or `undecided`.
        score: how well the answer does, in [0, 1].
        reason: why, in a few words that can be counted, without numbers or names of this question.
        agreeing: number of routes to the answer that agree with the kept one, such as votes, programs or keys.
        routes: number of all routes that gave an answer.
        best_vote: index of the vote to keep, from a verifier that chooses; None for the first.
        losing_votes: indexes of votes that a verifier that chooses found worse than the kept one.
        evidence: raw values for the evidence file, such as a program and its output; JSON values.
    """

    verdict: Verdict
    score: float
    reason: str = ""
    agreeing: int = 0
    routes: int = 0
    best_vote: int | None = None
    losing_votes: tuple[int, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Verifier(Protocol):
    """A verifier of answers.

    Attributes:
        name: name of the verifier, which is that of its entry point.
        version: version of its rules, recorded with each verdict.
        kind: what its verdict rests on.
        needs: `sandbox` if it runs programs, `passages` if it reads the documents.
        texts: number of texts that a model writes for it, from the domain's template `verify_NAME.txt`.
        chooses: whether it selects the vote to keep, instead of the majority of final answers.
    """

    name: str
    version: str
    kind: Kind
    needs: frozenset[Need]
    texts: int
    chooses: bool

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return whether the verifier can say anything about a question; if not, no record is written."""

    def check(self, case: Case) -> Finding:
        """Return the verdict about the kept answer; equal cases give equal findings, apart from seconds."""


class BaseVerifier:
    """A base class with the usual defaults; a subclass sets `name` and `kind`, and defines `check`."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    version: ClassVar[str] = "1"
    needs: ClassVar[frozenset[Need]] = frozenset()
    texts: ClassVar[int] = 0
    chooses: ClassVar[bool] = False

    def applies(self, question: AnsweredQuestion) -> bool:
        """Return True: the verifier can say something about every question."""
        del question
        return True


@cache
def load(name: str) -> Verifier:
    """Return an installed verifier by name.

    Raises:
        ConfigError: there is no such verifier, or it cannot be loaded.
        MissingExtraError: a package that it needs is not installed.
    """
    made = plugins.load(plugins.VERIFIERS, name)
    try:
        verifier: Verifier = made()
    except MissingExtraError:
        raise
    except Exception as error:
        raise ConfigError(f"the verifier {quoted(name)} cannot be made: {error}") from error
    if verifier.name != name:
        raise ConfigError(f"the verifier {quoted(name)} calls itself {quoted(verifier.name)}: both names must be equal")
    return verifier


def load_all(names: Sequence[str]) -> list[Verifier]:
    """Return verifiers by name, in order, each once.

    Raises:
        ConfigError: as in `load`; or two verifiers choose the vote to keep.
    """
    verifiers = [load(name) for name in dict.fromkeys(names)]
    choosing = [verifier.name for verifier in verifiers if verifier.chooses]
    if len(choosing) > 1:
        raise ConfigError(f"the verifiers {' and '.join(choosing)} both choose the answer to keep: give one of them")
    return verifiers
