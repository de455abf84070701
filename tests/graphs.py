"""A graph with data of every kind, for tests of exploration and of the browser."""

from pathlib import Path

from kgsynth import config, pipeline
from kgsynth.graph.session import Graph
from kgsynth.records import Document, StageCount
from kgsynth.settings import AnswerSettings, GenerateSettings, GraphSettings, MergeSettings, SampleSettings
from tests import canonical, corpora

GRAPH = GraphSettings(name="test")


def fill(graph: Graph, environment: config.Environment, desk: Path) -> dict[str, Path]:
    """Fill a graph with documents, merges, questions of levels 1 and 3, and answers; return the run folders by name."""
    annotations = corpora.random_annotations(2, documents=60, topics=5, concepts=25)
    annotations.append(corpora.annotation("merged", ["topic 1", "Topical 1"], ["concept 3", "concept-3", "lone thing"]))
    documents = [
        Document(
            id=one.id,
            text=f"About {one.id}: " + " ".join(f"{name} is seen here." for name in one.spellings("concept")),
            title=f"Title of {one.id}",
            license="CC0",
            attribution="Somebody",
            source=f"corpus/{one.id}.txt",
        )
        for one in annotations
    ]
    canonical.wipe(graph)
    corpora.load(graph, desk, annotations, documents)
    pipeline.merge(graph, environment, MergeSettings(), dry_run=False, report=lambda _: None)
    pipeline.build(graph, report=lambda _: None)
    drawn = list(
        pipeline.sample(
            graph, config.environment(), SampleSettings(seed=1, combinations=40), StageCount(stage="sample")
        )
    )
    folders = {
        f"level{level}": pipeline.generate(
            graph,
            environment,
            GenerateSettings(domain="mathematics", backend="scripted", seed=3),
            level=level,
            combinations=drawn if level == 3 else None,
            run_dir=desk / f"level{level}",
            report=lambda _: None,
        ).path
        for level in (1, 3)
    }
    folders["answers"] = pipeline.answer(
        graph,
        environment,
        AnswerSettings(domain="mathematics", backend="scripted", seed=3, votes=3),
        questions=list(folders.values()),
        run_dir=desk / "answers",
        report=lambda _: None,
    ).path
    return folders
