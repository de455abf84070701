"""What the tests of several modules share: figures of graphs, combinations and questions, against counts by hand; the page that shows them."""

from itertools import combinations as choices

import numpy as np

from kgsynth.records import AnsweredQuestion, Combination, GroundingDocument
from kgsynth.reports import coverage, diversity, structure

BROWSER = "http://127.0.0.1:7474/browser/?dbms=bolt%3A%2F%2Fneo4j%40127.0.0.1%3A7687&db=neo4j"


def term(identity: str, documents: int = 1) -> dict:
    return {
        "id": identity,
        "name": identity.partition(":")[2],
        "kind": identity.partition(":")[0],
        "documents": documents,
    }


def graph_of(pairs: dict[tuple[str, str], int], *more: str, documents: dict[str, int] | None = None):
    ids = sorted({end for pair in pairs for end in pair} | set(more))
    rows = [(ids.index(one), ids.index(other), count) for (one, other), count in pairs.items()]
    rows += [(other, one, count) for one, other, count in rows]
    blocks = [tuple(np.array(part, dtype=np.int64).reshape(-1, 3).T) for part in (rows[::2], rows[1::2])]
    return structure.TermGraph.of(
        [term(identity, (documents or {}).get(identity, 1)) for identity in reversed(ids)], ids, blocks
    )


def combination(number: int, *terms: str, documents: tuple[str, ...] = ()) -> Combination:
    return Combination(
        id=f"comb-{number}",
        seed=1,
        walk=number,
        path=terms,
        topics=tuple(sorted({one for one in terms if one.startswith("topic:")})),
        concepts=tuple(sorted({one for one in terms if one.startswith("concept:")})),
        documents=tuple(GroundingDocument(id=one, jaccard=0.5) for one in documents),
    )


def random_graph(seed: int, size: int = 30) -> structure.TermGraph:
    draws = np.random.default_rng(seed)
    ids = [f"{'topic' if place < 5 else 'concept'}:{place:02d}" for place in range(size)]
    pairs = {pair: int(draws.integers(1, 9)) for pair in choices(ids, 2) if draws.random() < 0.2}
    return graph_of(pairs, *ids, documents={identity: int(draws.integers(1, 50)) for identity in ids})


def question(number: int, *, level: int = 1, document: str = "", text: str = "", combination: str = ""):
    return AnsweredQuestion(
        id=f"q{number}",
        text=text or f"What is {number}?",
        level=level,
        documents=(document,) if document else (),
        combination_id=combination,
    )


class Embedder:
    """The first word of a text turns a unit vector: the same first word, the same vector."""

    model = "first words"
    many = 100

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts):
        self.seen += texts
        angles = np.array([len(text.split()[0]) for text in texts], dtype=np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def sampled(*questions: AnsweredQuestion) -> diversity.Sample:
    sample = diversity.Sample(1, {})
    for one in questions:
        sample.add(one)
    return sample


def whole_figures(names: tuple[str, ...] = ("one",)) -> dict:
    graph = random_graph(5)
    universe = coverage.Universe(graph, ())
    sample = sampled(
        *[
            question(n, level=1 + n % 3, document=f"d{n % 5}", text=f"{'a' * (1 + n % 4)} <b>{n}</b> & more")
            for n in range(40)
        ]
    )
    uses = coverage.uses_of(
        [combination(n, graph.ids[n % 5], graph.ids[6 + n % 20], graph.ids[7 + n % 15]) for n in range(30)], universe
    )
    stage = {
        "stage": "level1",
        "where": "level1",
        "state": "complete",
        "unit": "questions",
        "kept": 3,
        "rejected": {"cut <off> $x$": 2},
        "kept_by_retries": 1,
        "rejected_by_retries": 1,
    }
    run = {
        "walks": coverage.figures(uses),
        "questions": {
            **diversity.figures(sample, embedder=Embedder(), near={1: 7}),
            "unshown": coverage.unshown(universe, ["concept:07"]),
        },
        "answers": diversity.answers([AnsweredQuestion(id="q", text="t", answer="x", votes=3, agreement=2 / 3)]),
        "stages": [stage],
        "notes": ["something is gone"],
    }
    equal = {
        "combinations": 30,
        "runs": [
            {
                "name": name,
                "new": dict.fromkeys(coverage.KINDS, place),
                **{key: run["walks"][key] for key in ("coverage", "effective", "cross_topic_share", "hubs")},
            }
            for place, name in enumerate(names, 4)
        ],
    }
    return {
        "version": "0",
        "seed": 1,
        "sample": 2000,
        "graph": {
            "name": "<script>alert(1)</script>",
            "browser": BROWSER,
            "fingerprint": "abc",
            "counts": dict.fromkeys(("documents", "concepts", "topics", "mentions", "co_occurrences", "aliases"), 1234),
            "characters_of_document": structure.distribution([10, 20]),
            "terms_of_document": structure.distribution([1, 2]),
            "licences": [{"license": "", "attribution": "A & B", "documents": 2}],
            "merges": [],
            "reviews": {"distinct_pairs": 0, "same_pairs": 0},
            **structure.figures(graph),
            "communities": structure.communities(graph, most_concepts=50, links_each=2, seed=1),
        },
        "after": None,
        "runs": [{"name": name, **run} for name in names],
        "equal": equal if len(names) == 2 else None,
    }
