"""Small corpora that follow from a seed, and oracles that say what a graph must contain."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgsynth import pipeline
from kgsynth.contexts import Contexts, of_pairs
from kgsynth.graph.session import Graph
from kgsynth.pipeline.loading import mentions
from kgsynth.records import Annotation, Document, StageCount, TopicConcepts
from kgsynth.settings import DocumentsSettings
from kgsynth.walks.walk_tables import WalkTables, of_contexts
from tests.walker import Context


def annotation(identity: str, topics: Sequence[str], concepts: Sequence[str]) -> Annotation:
    """Return an annotation with all concepts under the first topic."""
    first, *rest = topics or [""]
    return Annotation(
        id=identity,
        topics=(TopicConcepts(name=first, concepts=tuple(concepts)), *(TopicConcepts(name=name) for name in rest)),
    )


def random_annotations(seed: int, *, documents: int, topics: int, concepts: int) -> list[Annotation]:
    """Return annotations with 1-3 topics and 2-8 concepts from a heavy-tailed distribution."""
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
    """Return annotations with the same topic and concepts; the ids are <prefix>0, <prefix>1, …"""
    return [annotation(f"{prefix}{number}", ["t"], concepts) for number in range(count)]


def load(
    graph: Graph, folder: Path, annotations: Iterable[Annotation], documents: Iterable[Document] = ()
) -> list[StageCount]:
    """Load annotations and documents through the pipeline, as the command does."""
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
    """Load and build the graph, and return it."""
    load(graph, folder, annotations, documents)
    pipeline.build(graph, report=lambda _: None)
    return graph


def terms_of(one: Annotation, canonical: Mapping[str, str]) -> set[str]:
    """Return the term ids of a document; aliases are replaced by their canonical terms."""
    ids = {mention.term_id for mention in mentions(one)}
    return {canonical.get(identity, identity) for identity in ids}


def co_occurrences(
    annotations: Iterable[Annotation], canonical: Mapping[str, str] | None = None
) -> Counter[tuple[str, str]]:
    """Return the oracle: the number of documents that mention both terms, by pair with the smaller id first."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in annotations:
        counts.update(combinations(sorted(terms_of(one, canonical or {})), 2))
    return counts


def contexts(annotations: Iterable[Annotation], canonical: Mapping[str, str] | None = None) -> list[Context]:
    """Return the oracle of a full build: documents that mention any term, sorted by id, with their terms."""
    held = [Context(one.id, sorted(terms_of(one, canonical or {}))) for one in annotations]
    return sorted((one for one in held if one.terms), key=lambda one: one.name)


def tables(held: Sequence[Context]) -> WalkTables:
    """Return the walk tables of contexts."""
    return of_contexts(arrays(held))


def units(held: WalkTables, weights: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the weights of a lens as an array over the terms of walk tables."""
    return np.array([weights.get(term, 0) for term in held.ids], dtype=np.int64)


def arrays(held: Sequence[Context]) -> Contexts:
    """Return contexts as arrays."""
    terms = sorted({term for one in held for term in one.terms})
    place = {term: number for number, term in enumerate(terms)}
    return of_pairs(
        terms,
        [one.name for one in held],
        np.repeat(np.arange(len(held)), [len(one.terms) for one in held]),
        np.array([place[term] for one in held for term in one.terms], dtype=np.int64),
        np.array([one.weight for one in held], dtype=np.int64),
    )
