"""Small corpora made by seed, and the oracles that say what a graph must hold."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from kgsynth import pipeline
from kgsynth.config import DocumentsSettings
from kgsynth.graph.session import Graph
from kgsynth.pipeline.graph import mentions
from kgsynth.records import Annotation, Document, StageCount, TopicConcepts


def annotation(identity: str, topics: Sequence[str], concepts: Sequence[str]) -> Annotation:
    """A document with all its concepts under the first topic."""
    first, *rest = topics or [""]
    return Annotation(
        id=identity,
        topics=(TopicConcepts(name=first, concepts=tuple(concepts)), *(TopicConcepts(name=name) for name in rest)),
    )


def random_annotations(seed: int, *, documents: int, topics: int, concepts: int) -> list[Annotation]:
    """Documents with 1-3 topics and 2-8 concepts, heavy-tailed."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, concepts + 1) ** 0.75
    weights /= weights.sum()
    made = []
    for number in range(documents):
        own_topics = rng.choice(topics, size=int(rng.integers(1, min(3, topics) + 1)), replace=False)
        own_concepts = rng.choice(concepts, size=int(rng.integers(2, min(8, concepts) + 1)), replace=False, p=weights)
        made.append(
            annotation(
                f"d{number:04d}", [f"topic {one}" for one in own_topics], [f"concept {one}" for one in own_concepts]
            )
        )
    return made


def many(prefix: str, count: int, concepts: Sequence[str]) -> list[Annotation]:
    """Documents of one topic that mention the same concepts: <prefix>0, <prefix>1, …"""
    return [annotation(f"{prefix}{number}", ["t"], concepts) for number in range(count)]


def load(
    graph: Graph, folder: Path, annotations: Iterable[Annotation], documents: Iterable[Document] = ()
) -> list[StageCount]:
    """Load through the pipeline, as the command does."""
    file = folder / "annotations.jsonl"
    file.write_text("".join(one.to_json() + "\n" for one in annotations), encoding="utf-8")
    texts = folder / "documents.jsonl"
    texts.write_text("".join(one.to_json() + "\n" for one in documents), encoding="utf-8")
    sources = (str(texts),) if texts.stat().st_size else ()
    settings = DocumentsSettings(sources=sources)
    return pipeline.load(
        graph, settings, annotations=[str(file)], rejects=folder / "rejects.jsonl", report=lambda _: None
    )


def built(graph: Graph, folder: Path, annotations: Iterable[Annotation], documents: Iterable[Document] = ()) -> Graph:
    """A graph that is loaded and built."""
    load(graph, folder, annotations, documents)
    pipeline.build(graph, report=lambda _: None)
    return graph


def terms_of(one: Annotation, canonical: Mapping[str, str]) -> set[str]:
    """Term ids of a document, aliases as what they count as."""
    ids = {mention.term_id for mention in mentions(one)}
    return {canonical.get(identity, identity) for identity in ids}


def co_occurrences(
    annotations: Iterable[Annotation], canonical: Mapping[str, str] | None = None
) -> Counter[tuple[str, str]]:
    """The oracle: for each pair of terms, smaller id first, the number of documents that mention both."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in annotations:
        counts.update(combinations(sorted(terms_of(one, canonical or {})), 2))
    return counts
