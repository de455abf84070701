"""Tests of `kgsynth.generation.extraction`."""

import json

import pytest

from kgsynth.generation.extraction import Extraction
from kgsynth.records import Document
from tests.unit.generation.generation_cases import (
    annotated,
    context,
    finish,
    reasons,
)


def test_extraction_gives_an_annotation_with_level_and_subject() -> None:
    work = Extraction(Document(id="d", title="T", text="Some text."), context())
    (request,) = work.requests({})
    assert json.loads(request.json_schema)["required"] == ["usable", "reason", "level", "subject", "topics"]
    outcome = finish(work, annotated({"Ring theory": ["ring", "ideal", "Ring", " "], "Empty": []}))
    (annotation,) = outcome.rows
    assert json.loads(annotation.to_json()) == {
        "id": "d",
        "topics": [{"name": "Ring theory", "concepts": ["ring", "ideal"]}],
        "grade": "college",
        "subject": "algebra",
    }


def test_latex_in_json_survives() -> None:
    raw = r'{"usable": true, "reason": "", "level": "college", "subject": "$\beta$ \u00e9tale", "topics": [{"name": "\frac{1}{2}\nabla", "concepts": ["\rho-ring", "\\theta", "\text{a}\u2208B", "\(x\)", "\upsilon", "say \"x\""]}]}'
    (annotation,) = finish(Extraction(Document(id="d", text="t"), context()), raw).rows
    assert annotation.subject == r"$\beta$ étale"
    assert annotation.topics[0].name == r"\frac{1}{2}\nabla"
    assert annotation.topics[0].concepts == (r"\rho-ring", r"\theta", r"\text{a}∈B", r"\(x\)", r"\upsilon", 'say "x"')


GOOD = annotated({"Ring theory": ["ring", "ideal"]})


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace('"usable": true', '"usable": "Yes"'), f"The set {{x}} is meant.\n{GOOD}", f"{GOOD}\n{GOOD}", GOOD.replace("true", "True").replace('"', "'"),
        GOOD.replace('"]', '",]'), f"```json\n{GOOD}\n```", json.dumps(GOOD), GOOD.replace('"reason": ""', '"reason": "braces } and { in a text"'),
    ],
)  # fmt: skip
def test_an_object_is_read_from_json_as_models_write_it(text: str) -> None:
    (annotation,) = finish(Extraction(Document(id="d", text="t"), context()), text).rows
    assert annotation.topics[0].concepts == ("ring", "ideal")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"For example: {annotated({}, usable=False)}\nAnd this text: {GOOD}", "not JSON"),
        (GOOD[:-30], "not JSON"),
        (GOOD[:-30].replace("ring", "ring }"), "not JSON"),
        (annotated({}, usable=False), "the model finds the document not usable"),
        ("no JSON here", "not JSON"),
        ('{"usable": true, "topics": ["a"]}', "not of the schema"),
        ('{"usable": "perhaps"}', "not of the schema"),
        ('{"usable": true, "topics": [{"name": "x", "concepts": ["12", "--"]}]}', "no topic with a concept"),
        ('{"usable": true, "topics": [', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_extraction_cannot_use_is_a_reject(text: str, reason: str) -> None:
    outcome = finish(Extraction(Document(id="d", text="t"), context()), text)
    assert (outcome.rows, reasons(outcome)) == ([], [reason])
