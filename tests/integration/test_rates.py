"""Gates: each rate keeps half of its recorded ratio to a reference that is measured in the same process, in turns.

Recorded ratios are of this file's own sizes on a small machine (EXPERIMENTS.md); the compiled walks have their gate
beside their other tests.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kgsynth.concepts.candidates import nearest_pairs
from kgsynth.config import AnswerSettings
from kgsynth.graph.session import Graph
from kgsynth.records import Combination
from kgsynth.walks import inverted
from tests import servers
from tests.benchmarks import generation_speed, load_peers, paper_corpus

LOADING, ASKING, NEAREST, GROUNDING = 40.0, 0.55, 5.5, 160.0


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def lead(ours: Callable[[], float], reference: Callable[[], float], turns: int = 3) -> float:
    """The best rate of ours over the best of the reference, turn by turn: a busy machine slows both."""
    rates = [(ours(), reference()) for _ in range(turns)]
    found = max(one for one, _ in rates) / max(other for _, other in rates)
    print(f"ratio {found:.2f}")
    return found


def test_loading_is_faster_than_a_merge_a_mention(graph: Graph, tmp_path: Path) -> None:
    files = []
    for part in range(7):
        files.append(tmp_path / f"{part}.jsonl")
        paper_corpus.write(files[-1], 600, shape="fields", seed=part, prefix=f"{part}-")
    load_peers.load(graph, files[0])
    rest = iter(files[1:])

    def ours() -> float:
        return load_peers.rate(graph, lambda: load_peers.load(graph, next(rest)))

    assert lead(ours, lambda: load_peers.naive(graph, next(rest), most_s=3.0)) > 0.5 * LOADING


def test_asking_keeps_up_with_a_bare_client(tmp_path: Path) -> None:
    count = 2000
    with servers.running("--instant") as fake:
        file = generation_speed.questions(tmp_path / "q.jsonl", count)
        settings = AnswerSettings(domain="mathematics", backend="server", url=(fake.url,), seed=1, concurrency=64)
        assert (
            lead(
                lambda: count / seconds(lambda: generation_speed.stage(file, settings)),
                lambda: count / seconds(lambda: asyncio.run(generation_speed.bare_client(fake.url, count, 64, 128))),
            )
            > 0.5 * ASKING
        )


def test_lists_are_faster_than_exact_search() -> None:
    rng = np.random.default_rng(0)
    # Names that mean the same lie in subjects, as those of a corpus do.
    centres = rng.normal(size=(300, 384))[rng.integers(0, 300, 6_000)] + rng.normal(size=(6_000, 384))
    vectors = (centres[rng.integers(0, 6_000, 30_000)] + 0.3 * rng.normal(size=(30_000, 384))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def rate(exact_up_to: int) -> float:
        return 1 / seconds(lambda: nearest_pairs(vectors, neighbours=20, min_cosine=0.85, exact_up_to=exact_up_to))

    assert lead(lambda: rate(0), lambda: rate(len(vectors)), turns=2) > 0.5 * NEAREST


def test_grounding_is_faster_than_counting_all_postings() -> None:
    rng = np.random.default_rng(0)
    chances = paper_corpus.zipf(20_000, 0.75)
    terms = [f"concept:{place}" for place in range(20_000)]
    documents = [sorted(set(np.searchsorted(chances, rng.random(50)).tolist())) for _ in range(40_000)]
    index = inverted.index_of(
        {"id": f"d{n:06}", "terms": [terms[one] for one in own]} for n, own in enumerate(documents)
    )
    batch = [
        Combination(
            id=str(n),
            seed=1,
            walk=n,
            path=tuple(terms[one] for one in rng.choice(documents[n], 6)),
            topics=(),
            concepts=(),
        )
        for n in range(2000)
    ]

    def counted(combination: Combination) -> list[str]:
        places = [index.terms[one] for one in set(combination.path)]
        shared = Counter(
            place for one in places for place in index.postings[index.offsets[one] : index.offsets[one + 1]]
        )
        jaccard = {place: met / (len(places) + index.sizes[place] - met) for place, met in shared.items()}
        return [index.documents[place] for place in sorted(jaccard, key=lambda place: (-jaccard[place], place))[:2]]

    grounded = inverted.ground(index, batch, limit=2)
    few = batch[:20]
    assert [[own.id for own in one.documents] for one in grounded[:20]] == [counted(one) for one in few]
    assert (
        lead(
            lambda: len(batch) / seconds(lambda: inverted.ground(index, batch, limit=2)),
            lambda: len(few) / seconds(lambda: [counted(one) for one in few]),
        )
        > 0.5 * GROUNDING
    )
