"""A real corpus that is not part of the project: PlanetMath with its declared concepts, where it is present."""

from pathlib import Path

import pytest

from kgsynth import config, pipeline
from kgsynth.graph import facts
from kgsynth.graph.session import Graph
from kgsynth.records import StageCount
from tests.benchmarks import merge_quality

pytestmark = pytest.mark.planetmath


def test_another_corpus_runs_by_changing_one_path(
    graph: Graph, environment: config.Environment, planetmath: Path, tmp_path: Path
) -> None:
    resolved = config.resolve(
        '[extract]\nmethod = "vocabulary"\n[sample]\nseed = 1\ncombinations = 300\n[backend]\ndomain = "mathematics"\nbackend = "scripted"\n[generate]\ncombinations = 20\n',
        overrides=[f'documents.sources=["{planetmath}"]', "graph.name=test"],
    )
    stages: list[StageCount] = []
    result = pipeline.run(environment, resolved, work_dir=tmp_path / "run", report=stages.append)
    by_name = {count.stage: count for count in stages}
    read = by_name["read"]
    assert read.files == {"JSON Lines": [1, 2914, 0]}
    # Tables and a whole book.
    assert read.notes["split_documents"] == 5
    assert read.kept == 2914 - 5 + int(str(read.notes["parts"]))
    assert by_name["merge"].kept > 100
    assert result.findings == []
    assert result.combination_count == 300
    assert result.question_count >= 20
    assert all(len(one.documents) == 2 for one in result.combinations)
    held = facts.counts(graph)
    assert held["concepts"] + held["aliases"] > 3000
    assert held["co_occurrences"] > 50_000
    too_common = by_name["extract (vocabulary)"].notes["too_common_names"]
    assert isinstance(too_common, dict)
    assert "number" in too_common


def test_merging_is_as_precise_as_promised_and_finds_more_than_cosine(
    environment: config.Environment, planetmath: Path
) -> None:
    used, gold, texts = merge_quality.names_in_use(planetmath)
    measured = merge_quality.measure("onnx", used, gold, texts, environment.embeddings)
    assert measured.kgsynth.unjudged == 0
    assert measured.kgsynth.precision >= 0.98
    assert measured.kgsynth.recall >= 0.11
    comparable = [one.recall for one in measured.cosine.values() if one.precision >= 0.98]
    assert measured.kgsynth.recall >= 2 * max(comparable, default=0.0)
