"""What the tests of several modules share: filtering documents: cheap looks, models of vectors, ratings and syllabuses as models write them, the whole on a script."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kgsynth import config, pipeline
from kgsynth.generation.backend import Completion, Request
from kgsynth.generation.scripted import ScriptedGenerator
from kgsynth.records import StageCount
from kgsynth.settings import DocumentsSettings, FilterSettings


def corpus_file(path: Path, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    words = {
        "m": "prime number theorem proof ring field group integer ideal matrix vector limit integral polynomial".split(),
        "c": "butter flour oven sugar salt onion sauce garlic pan simmer bake stir pepper cream dough".split(),
    }
    rows = []
    for kind, own in words.items():
        for n in range(40):
            text = " ".join(own[int(place)] for place in rng.integers(len(own), size=70))
            rows.append({"id": f"{kind}{n}", "title": f"{kind} {n}", "text": text, "topics": ["t"]})
    rows.append({"id": "short", "title": "short", "text": "too short"})
    rows.append({"id": "twin", "title": "twin", "text": rows[0]["text"] + " once more"})
    rows.append({"id": "copy", "title": "copy", "text": rows[1]["text"]})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Mumbling(ScriptedGenerator):
    """Rates the half of the documents whose numbers are even."""

    def complete(self, request: Request) -> Completion:
        completion = super().complete(request)
        return completion if request.id[-1] in "02468" else replace(completion, text="no idea")


_ROUNDS: dict[str, object] = {"rounds": 2, "rated": 20, "min_score": 2.0, "method": "forest", "score": "mean"}


def filtered(
    environment: config.Environment,
    mixed: tuple[Path, Path],
    work: Path,
    report: Callable[[StageCount], None] = lambda _: None,
    **more: object,
) -> dict[str, Any]:
    values: dict[str, Any] = {"rounds": 0, "method": "linear", "positives": (str(mixed[1]),), "language": "", **more}
    return pipeline.run_filter(
        environment,
        DocumentsSettings(sources=(str(mixed[0]),), max_rejected_share=1.0),
        FilterSettings(domain="mathematics", seed=5, backend="scripted", **values),
        work_dir=work,
        report=report,
    )


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
