"""A generator without a model: deterministic text in the right form, for rehearsals and tests.

It proves the path, not the questions: each is a fixed sentence about the concepts of its prompt, drawn by the request's
own seed.
"""

import re
from collections.abc import Iterator, Sequence

from kgsynth.generation.backend import Completion, Request
from kgsynth.randomness import stream

_CONCEPTS = re.compile(r"^Concepts: (.*)$", re.MULTILINE)
_FORMS = (
    "Let $n = {number}$. Using {concepts}, find the value of $\\frac{{n}}{{2}} + \\theta$ when $\\theta = "
    "\\nabla\\beta = {other}$.",
    "Suppose {concepts} are given with parameter $\\rho = {number}$. How many of the first {other} cases are distinct?",
    "Determine exactly how {concepts} are related when both are taken modulo ${number}$ and there are {other} of them.",
)


class ScriptedGenerator:
    """Writes one to three questions about the concepts in the last message."""

    name = "scripted"
    model = "scripted-1"

    def count_tokens(self, text: str) -> int:
        """Words and marks."""
        return len(re.findall(r"\w+|[^\w\s]", text))

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """One completion a request, in order."""
        for request in requests:
            text = self._write(request)
            tokens = sum(self.count_tokens(message.content) for message in request.messages)
            yield Completion(
                request_id=request.id,
                text=text,
                finish_reason="stop",
                prompt_tokens=tokens,
                output_tokens=self.count_tokens(text),
            )

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, request: Request) -> str:
        rng = stream(request.seed, "scripted", 0)
        found = _CONCEPTS.findall(request.messages[-1].content)
        concepts = found[-1].split("; ") if found else []
        if len(concepts) < 2:
            return "no concepts were given"
        blocks = []
        for _ in range(int(rng.integers(1, 4))):
            size = int(rng.integers(2, min(3, len(concepts)) + 1))
            chosen = sorted(concepts[index] for index in rng.permutation(len(concepts))[:size])
            form = _FORMS[int(rng.integers(len(_FORMS)))]
            text = form.format(
                concepts=" and ".join(chosen), number=int(rng.integers(2, 1000)), other=int(rng.integers(2, 1000))
            )
            blocks.append(f"<question>\n{text}\n</question>\n<concepts>\n{'; '.join(chosen)}\n</concepts>\n")
        return "".join(blocks)
