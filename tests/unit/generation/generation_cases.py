"""What the tests of several modules share: prompts, levels, extraction and answers, without a model: what is asked, and what of the answers is kept."""

import json
from collections.abc import Mapping

from kgsynth.generation import prompts
from kgsynth.generation.answers import Answering, QuestionToAnswer
from kgsynth.generation.backend import Completion
from kgsynth.generation.forms import SMALL_MODEL_QUESTION
from kgsynth.generation.level3 import Level3
from kgsynth.generation.questions import SourceCombination, SourceDocument
from kgsynth.generation.task import Context, Outcome, Work
from kgsynth.records import AnsweredQuestion, Combination, GroundingDocument

LATEX = r"Let $\frac{1}{2}\rho\beta\theta\nabla\tau\neq\phi\alpha$ be a prime number in a ring, what is its value?"


TASKS = ("extract", "level1", "level2", "level2_free", "level3", "answer", "judge")


NAMES = {
    "topic:algebra": "Algebra",
    "concept:prime number": "Prime Number",
    "concept:ring": "ring",
    "concept:ideal": "ideal; <of a ring>",
}


CONCEPTS = ("concept:ideal", "concept:prime number", "concept:ring")


SOURCE = SourceCombination(
    combination=Combination(
        id="comb-1", seed=5, walk=0, path=("topic:algebra", "concept:prime number", "concept:ring", "concept:ideal"), topics=("topic:algebra",),
        concepts=CONCEPTS, documents=(GroundingDocument(id="d1", jaccard=0.5), GroundingDocument(id="d2", jaccard=0.4)),
    ),
    names=NAMES,
    documents=(
        SourceDocument(id="d1", title="One", text="alpha " * 300, license="CC0", attribution="A", source="s1", names={}),
        SourceDocument(id="d2", title="Two", text="short passage", license="MIT", attribution="B", names={}),
    ),
)  # fmt: skip


DOCUMENT = SourceDocument(
    id="d1",
    title="Rings",
    text="A ring is a set with two operations. How many ideals does the ring of integers modulo 12 have? Ideals are kernels.",
    topics=("topic:algebra",),
    concepts=CONCEPTS,
    names=NAMES,
)


def words(text: str) -> int:
    return len(text.split())


def context(budget: int = 5000, *, constrained: bool = True, attempt: int = 0, domain: str = "mathematics") -> Context:
    return Context(
        run_id="run",
        stage="level3",
        seed=1,
        attempt=attempt,
        templates={task: prompts.load(domain, task) for task in TASKS},
        backend="scripted",
        model="m",
        sampling="{}",
        budget_tokens=budget,
        count_tokens=words,
        constrained=constrained,
        question_form=SMALL_MODEL_QUESTION,
    )


def level3(budget: int = 5000, *, constrained: bool = True, source: SourceCombination = SOURCE) -> Level3:
    return Level3(source, context(budget, constrained=constrained), max_questions=3)


def finish(work: Work, *texts: str, reason: str = "stop") -> Outcome:
    """The outcome when the requests of each round are answered by these texts, in order."""
    done: dict[str, Completion] = {}
    waiting = list(texts)
    while asked := work.requests(done):
        for request in asked:
            done[request.id] = Completion(request_id=request.id, text=waiting.pop(0), finish_reason=reason)
    assert not waiting
    return work.outcome(done)


def blocks(*pairs: tuple[str, str]) -> str:
    return "".join(
        f"<question>\n{question}\n</question>\n<concepts>\n{claims}\n</concepts>\n" for question, claims in pairs
    )


def reasons(outcome: Outcome) -> list[str]:
    return [refusal.reason for refusal in outcome.refusals]


def annotated(
    topics: Mapping[str, list[str]], *, usable: bool = True, level: str = "college", subject: str = "algebra"
) -> str:
    value = {
        "usable": usable,
        "reason": "" if usable else "an index",
        "level": level,
        "subject": subject,
        "topics": [{"name": name, "concepts": concepts} for name, concepts in topics.items()],
    }
    return json.dumps(value)


QUESTION = AnsweredQuestion(id="q-1", text="What is half of one?", level=3, documents=("d1",), licenses=("CC0",))


def answering(**options: object) -> Answering:
    settings = {"votes": 1, "min_agreement": 0.0, "judge": False, **options}
    return Answering(QuestionToAnswer(question=QUESTION), context(), **settings)  # type: ignore[arg-type]
