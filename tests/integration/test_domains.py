"""A run in each domain from one configuration: verdicts in rows, in the graph, in saved queries and on the card."""

import json
from pathlib import Path

import pytest

from kgsynth import config, domain_folder, pipeline
from kgsynth.generation.question_types import draw_style
from kgsynth.graph import decisions
from kgsynth.graph.session import Graph
from kgsynth.pipeline import generating
from kgsynth.records import Combination, Document, GroundingDocument
from kgsynth.run_folder import open_run
from tests import canonical, corpora

NAMES = (
    "sodium", "potassium", "nephron", "diuretic", "digoxin", "arrhythmia", "membrane", "transporter", "excretion",
    "urine", "hormone", "receptor",
)  # fmt: skip
VERBS = ("raises", "lowers", "limits", "controls")
CONFIG = """
[documents]
sources = ["documents.jsonl"]
max_rejected_share = 1.0
[extract]
method = "vocabulary"
vocabulary = "names.txt"
max_document_share = 1.0
[sample]
seed = 3
combinations = 16
[backend]
backend = "scripted"
domain = "{domain}"
max_rejected_share = 1.0
[answer]
votes = 3
[curate]
max_rejected_share = 1.0
"""


def corpus(folder: Path) -> None:
    rows = []
    for number in range(30):
        first, second, third = (NAMES[(number * step + step) % len(NAMES)] for step in (1, 2, 5))
        text = (
            f"In a healthy adult the {first} {VERBS[number % 4]} the {second} within a few hours. "
            f"Physicians measure the {third} before they decide on a treatment of the patient."
        )
        rows.append({"id": f"d{number}", "title": f"Note {number}", "text": text, "topics": ["physiology", "medicine"]})
    (folder / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "names.txt").write_text("\n".join(NAMES))


@pytest.mark.parametrize("domain", domain_folder.names())
def test_a_run_in_each_domain_by_one_configuration(
    graph: Graph, environment: config.Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str
) -> None:
    corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    resolved = config.resolve(CONFIG.format(domain=domain) + f'[graph]\nname = "{graph.name}"\n', origin="test")
    pipeline.run(environment, resolved, work_dir=tmp_path / "run", report=lambda _: None)
    settings = domain_folder.load(domain)
    questions = list(open_run(tmp_path / "run" / "level3").rows())
    answers = list(open_run(tmp_path / "run" / "answers").rows())
    assert {row["domain"] for row in questions} == {domain}
    assert {row["question_type"] for row in questions} <= {kind.name for kind in settings.question_types}
    assert len({row["question_type"] for row in questions}) > 1
    assert len({row["difficulty"] for row in questions}) > 1
    found = {check["verifier"] for row in answers for check in row["checks"]}
    assert found <= set(settings.verifiers)
    assert found
    nodes = canonical.run(graph, "MATCH (a:Answer) RETURN a.passed AS passed, a.failed AS failed, a.checks AS checks")
    assert len(nodes) == len(answers)
    assert sum(bool(node["passed"]) for node in nodes) == sum(
        any(check["verdict"] == "passed" for check in row["checks"]) for row in answers
    )
    card = (tmp_path / "run" / "dataset" / "README.md").read_text()
    assert "## Verification" in card
    assert settings.card_note in card
    for saved in ("worst_pass_rate", "routes_disagree"):
        text = (Path(pipeline.__file__).parents[2] / "cypher" / "explore" / f"{saved}.cypher").read_text()
        canonical.run(graph, text)


def test_wrong_options_are_no_other_names_of_the_right_one(graph: Graph, tmp_path: Path) -> None:
    names = ("heart attack", "myocardial infarction", "coronary event", "artery", "vein", "aorta")
    text = "A heart attack, also called a myocardial infarction, damages the heart muscle."
    annotations = [corpora.annotation(f"d{number}", ["medicine"], names) for number in range(3)]
    corpora.load(graph, tmp_path, annotations, [Document(id="d0", title="Heart", text=text)])
    pipeline.build(graph, report=lambda _: None)
    verdict = decisions.JudgedPair(
        first="concept:coronary event", second="concept:heart attack", score=2.0, chance=0.9, agrees=True, joins=False,
        known="", model="m", template="t", run_id="r",
    )  # fmt: skip
    decisions.set_judged(graph, [verdict])
    domain = domain_folder.load("medicine")
    for document, missing in (("d0", {"myocardial infarction", "coronary event"}), ("d1", {"coronary event"})):
        combination = Combination(
            id="c", seed=1, walk=0, path=("topic:medicine", "concept:heart attack"), topics=("topic:medicine",),
            concepts=("concept:heart attack",), documents=(GroundingDocument(id=document, jaccard=1.0),),
        )  # fmt: skip
        seed = next(seed for seed in range(100) if draw_style(domain, seed, combination).form == "choice")
        (source,) = generating._source_combinations(graph, [combination], domain, seed)
        options = {name for _, name in source.style.wrong_options}
        assert options == set(names) - missing - {"heart attack"}
