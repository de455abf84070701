"""A generator without a model: deterministic text in the expected format, for rehearsals and tests.

It tests the pipeline, not the quality of texts: each is a fixed sentence with words of its prompt, drawn by the
request's own seed. The first part of the request's id says which kind of text is expected.
"""

import json
import re
from collections.abc import Callable, Iterator

import numpy as np

from kgsynth.config import Environment
from kgsynth.generation.backend import Completion, Generator, Request, Sampling
from kgsynth.randomness import stream
from kgsynth.records import GRADES, content_hash
from kgsynth.settings import BackendSettings

_CONCEPTS = re.compile(r"^Concepts: (.*)$", re.MULTILINE)
_SET = re.compile(r"^\d+\. (.*)$", re.MULTILINE)
_PAIR = re.compile(r'^(\d+\. )?Do ".*" and ".*" mean the same\?$', re.MULTILINE)
_WORD = re.compile(r"[A-Za-z]{4,}")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_EXISTING_QUESTION = re.compile(r"[^.?!\n]{25,300}\?")
_SENTENCES = (
    "Let $n = {number}$. Using {concepts}, find the value of $\\frac{{n}}{{2}} + \\theta$ when $\\theta = "
    "\\nabla\\beta = {other}$.",
    "Suppose {concepts} are given with parameter $\\rho = {number}$. How many of the first {other} cases are distinct?",
    "Determine exactly how {concepts} are related when both are taken modulo ${number}$ and there are {other} of them.",
)
_TASK = """Write a function `add` that adds {number} to its argument, for {concepts}. Write a class `Adder` as well.

```python
class Adder:
    pass

def add(number: int) -> int:
    return number
```

Allowed imports: none"""
_ADDED = re.compile(r"`add` that adds (\d+)")
# Shares of unusable, differing and wrong texts, so that the later stages have something to reject.
_UNUSABLE = 0.02
_DISSENT = 0.2
_JUDGED_WRONG = 0.1
_SAME_NAMES = 0.3


def backend(environment: Environment, settings: BackendSettings) -> Generator:
    """The backend `scripted`, on this machine or on Ray."""
    del environment
    if settings.executor == "ray":
        from kgsynth.generation import ray_engine

        return ray_engine.scripted()
    return ScriptedGenerator()


class ScriptedGenerator:
    """Generates texts of the kind that the stage of a request expects."""

    name = "scripted"
    model = "scripted-1"

    def __init__(self) -> None:
        """Set fixed sampling parameters; they have no effect on the texts."""
        self.sampling = Sampling(temperature=0, top_p=1, max_output_tokens=1)

    def count_tokens(self, text: str) -> int:
        """Return the number of words and punctuation marks."""
        return len(_TOKEN.findall(text))

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        """Yield one completion per request, in order."""
        for request in requests:
            if request is None:
                return
            yield self.complete(request)

    def complete(self, request: Request) -> Completion:
        """Return the completion of one request."""
        text = _WRITERS.get(request.id.partition(":")[0], _verify)(request, stream(request.seed, "scripted", 0))
        return Completion(
            request_id=request.id,
            text=text,
            finish_reason="stop",
            prompt_tokens=sum(self.count_tokens(message.content) for message in request.messages),
            output_tokens=self.count_tokens(text),
        )

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def _question(concepts: list[str], rng: np.random.Generator) -> str:
    sentence = _SENTENCES[int(rng.integers(len(_SENTENCES)))]
    return sentence.format(
        concepts=" and ".join(concepts), number=int(rng.integers(2, 1000)), other=int(rng.integers(2, 1000))
    )


def _block(question: str, concepts: list[str]) -> str:
    return f"<question>\n{question}\n</question>\n<concepts>\n{'; '.join(concepts)}\n</concepts>\n"


def _level1(request: Request, rng: np.random.Generator) -> str:
    text = request.messages[-1].content
    body = text.partition("\nText:\n")[2].rpartition("\n\nWrite ")[0]
    words = _names(body, rng, count=6)
    if len(words) < 2 or rng.random() < _UNUSABLE:
        return "<unsuitable>\nthere is nothing to ask about\n</unsuitable>\n"
    existing_questions = [question.strip() for question in _EXISTING_QUESTION.findall(body)]
    blocks = [(existing_questions[0], "original")] if existing_questions else []
    for _ in range(int(rng.integers(1, 4))):
        chosen = sorted(words[index] for index in rng.permutation(len(words))[:2])
        blocks.append((_question(chosen, rng), "new"))
    return "".join(
        f"<question>\n{question}\n</question>\n<origin>\n{origin}\n</origin>\n<level>\n"
        f"{GRADES[int(rng.integers(len(GRADES)))]}\n</level>\n"
        for question, origin in blocks
    )


def _level2(request: Request, rng: np.random.Generator) -> str:
    combinations = request.messages[-1].content.rpartition("\nCombinations:\n")[2]
    sets = [line.split("; ") for line in _SET.findall(combinations)]
    return "".join(_block(_question(concepts, rng), concepts) for concepts in sets) if sets else _level3(request, rng)


def _level3(request: Request, rng: np.random.Generator) -> str:
    concept_lines = _CONCEPTS.findall(request.messages[-1].content)
    concepts = concept_lines[-1].split("; ") if concept_lines else []
    if len(concepts) < 2:
        return "no concepts were given"
    blocks: dict[str, str] = {}
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.integers(2, min(3, len(concepts)) + 1))
        chosen = sorted(concepts[index] for index in rng.permutation(len(concepts))[:size])
        question = _task(chosen, rng) if "Allowed imports" in request.messages[0].content else _question(chosen, rng)
        blocks.setdefault("; ".join(chosen), _block(question, chosen))
    return "".join(blocks.values())


def _task(concepts: list[str], rng: np.random.Generator) -> str:
    return _TASK.format(concepts=" and ".join(concepts), number=int(rng.integers(2, 1000)))


def _answer(request: Request, rng: np.random.Generator) -> str:
    question = request.messages[-1].content
    value = _value(question)
    if rng.random() < _DISSENT:
        value += int(rng.integers(1, 4))
    if _ADDED.search(question):
        solution = f"class Adder:\n    pass\n\ndef add(number: int) -> int:\n    return number + {value}"
        return f"The function adds a constant.\n\n```python\n{solution}\n```"
    notation = (rf"\frac{{{2 * value}}}{{2}}", str(value), f"{value}.0")[int(rng.integers(3))]
    return (
        rf"Write the number asked for as $x$. Then $2x = {2 * value}$ by what is given, "
        rf"and $x = \frac{{{2 * value}}}{{2}}$."
        f"\n\nThe final answer is $\\boxed{{{notation}}}$."
    )


def _value(question: str) -> int:
    """Return the answer of the script to a question."""
    added = _ADDED.search(question)
    return int(added.group(1)) if added else int(content_hash(question)[:6], 16) % 900 + 2


def _verify(request: Request, rng: np.random.Generator) -> str:
    """Return a text for a verifier: a program, tests, or what a judge of questions says."""
    task, question = request.id.partition(":")[0], request.messages[-1].content
    value = _value(question)
    if task == "verify_program":
        return f"```python\nprint({value})\n```"
    if task == "verify_code":
        numbers = (int(number) for number in rng.integers(1000, size=4))
        return "```python\n" + "\n".join(f"assert add({number}) == {number + value}" for number in numbers) + "\n```"
    tags = ("consistent", "complete", "unique")
    return "".join(f"<{tag}>\nyes\n</{tag}>\n" for tag in tags)


def _judge(request: Request, rng: np.random.Generator) -> str:
    del request
    verdict = "incorrect" if rng.random() < _JUDGED_WRONG else "correct"
    reason = "This is the verdict of a script, which has read nothing."
    return f"<reason>\n{reason}\n</reason>\n<verdict>\n{verdict}\n</verdict>\n"


def _judge_names(request: Request, rng: np.random.Generator) -> str:
    """Return random verdicts, which have no relation to the names."""
    numbers = _PAIR.findall(request.messages[-1].content)
    return "\n".join(f"{number}{'yes' if rng.random() < _SAME_NAMES else 'no'}" for number in numbers)


def _extract(request: Request, rng: np.random.Generator) -> str:
    body = request.messages[-1].content.partition("\nText:\n")[2]
    names = _names(body, rng, count=12)
    usable = len(names) >= 6 and rng.random() >= _UNUSABLE
    value = {
        "usable": usable,
        "reason": "" if usable else "there is too little text",
        "level": GRADES[int(rng.integers(len(GRADES)))],
        "subject": "scripted subject",
        "topics": [
            {"name": f"{names[0]} theory" if names else "nothing", "concepts": names[:6]},
            {"name": "scripted topic", "concepts": names[6:]},
        ],
    }
    return json.dumps(value, ensure_ascii=False)


def _rate(request: Request, rng: np.random.Generator) -> str:
    """Return random ratings, which have no relation to the text."""
    del request
    return "".join(
        f"<{aspect}>\n{int(rng.integers(1, 11))}\n</{aspect}>\n" for aspect in ("relevance", "clarity", "language")
    )


def _syllabus(request: Request, rng: np.random.Generator) -> str:
    wanted = request.id.partition(":")[2]
    return json.dumps({"names": [f"{wanted} {int(rng.integers(100, 1000))} part {n}" for n in range(1, 4)]})


def _syllabus_document(request: Request, rng: np.random.Generator) -> str:
    words = request.messages[-1].content.split()
    chosen = (words[int(index)] for index in rng.integers(len(words), size=120))
    return f"This text of a script speaks of nothing. {' '.join(chosen)} {int(rng.integers(10**9))}."


def _names(text: str, rng: np.random.Generator, *, count: int) -> list[str]:
    """Draw different words of a text."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text[:4000])))
    return [words[index] for index in rng.permutation(len(words))[:count]]


_WRITERS: dict[str, Callable[[Request, np.random.Generator], str]] = {
    "level1": _level1,
    "level2": _level2,
    "level3": _level3,
    "answer": _answer,
    "judge": _judge,
    "judge_names": _judge_names,
    "extract": _extract,
    "rate": _rate,
    "syllabus": _syllabus,
    "syllabus_document": _syllabus_document,
}
