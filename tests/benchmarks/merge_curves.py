"""Curves of precision and recall on PlanetMath: rules, then with sentences, with contexts, and with a judge.

    python -m tests.benchmarks.merge_curves [--verdicts FILE] [--plot FILE]
    python -m tests.benchmarks.merge_curves --weights

Each curve joins what the rules join and, one after the other, the most trusted pairs of its evidence: pairs that
sentences declare the same, pairs with similar contexts, pairs that a judge calls the same. `--verdicts` is the file of
merge_judge. Gold, judgements and halves are those of merge_quality; a pair that nobody judged counts as wrong, so
precision is a lower bound. `--weights` prints the recall of candidates from contexts by the weights of the vectors.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kgsynth import config
from kgsynth.concepts import context_candidates
from kgsynth.concepts.context_candidates import Use, context_pairs, defining_sentence
from kgsynth.concepts.declared import declarations, names_by_form
from kgsynth.concepts.embedding import EmbeddingStore, make_embedder
from kgsynth.concepts.lexical import veto, words_of
from kgsynth.names import normal_form
from tests.benchmarks.merge_quality import (
    DOCUMENTS,
    Pair,
    Score,
    annotated,
    clusters,
    decided,
    half,
    judgements,
    merges_of,
    names_in_use,
    pair,
    score,
)

STEPS = (10, 20, 50, 100, 200, 500, 1000, 2000, 4000)
PARTS = ("seen", "unseen")
# Of the name, of the name with its sentence, of its neighbours; a name without neighbours has no vector without the first.
WEIGHTS = (
    (1, 0, 0),
    (1e-6, 0, 1),
    (1, 0, 0.5),
    (1, 0.5, 1),
    (1, 0.5, 0.5),
    (1, 0.35, 0.5),
    (1, 1, 0.5),
    (1, 0.5, 0.25),
)
_USES = 20
_PLOT = Path(__file__).parents[2] / "docs" / "figures" / "merging-curves.png"


def declared(names: Iterable[str], texts: Iterable[str]) -> list[Pair]:
    """Pairs that sentences declare the same, the most trusted form first."""
    forms = names_by_form((f"concept:{name}", name) for name in names)
    weights: dict[Pair, float] = {}
    for text in texts:
        for found in declarations(text, forms):
            one = pair(found.first_id.partition(":")[2], found.second_id.partition(":")[2])
            weights[one] = max(weights.get(one, 0.0), found.weight)
    return sorted(weights, key=lambda one: (-weights[one], one))


def by_context(path: Path, names: Sequence[str], store: EmbeddingStore) -> list[Pair]:
    """Pairs of names with similar contexts, the most similar first; pairs with a veto are left out."""
    documents, annotations = annotated(path)
    row_of = {name: row for row, name in enumerate(names)}
    uses: dict[str, list[Use]] = defaultdict(list)
    mentions: set[tuple[int, int]] = set()
    for number, (document, annotation) in enumerate(zip(documents, annotations, strict=True)):
        for spelling in annotation.spellings("concept"):
            name = normal_form(spelling)
            mentions.add((number, row_of[name]))
            if len(uses[name]) < _USES:
                uses[name].append(Use(title=document.title, text=document.text, spelling=spelling))
    numbers, rows = np.array(sorted(mentions), dtype=np.int64).T
    sentences = [defining_sentence(uses[name]) for name in names]
    found = context_pairs(names, sentences, (numbers, rows), store.embed, neighbours=3, seed=0)
    pairs = [pair(names[first], names[second]) for first, second, _ in found]
    return [one for one in pairs if not veto(words_of(one[0]), words_of(one[1]))]


def print_weights(path: Path, names: Sequence[str], store: EmbeddingStore, gold: set[Pair]) -> None:
    """Print the recall of author-given pairs, seen and unseen half, among candidates by the weights of the vectors."""
    for weights in WEIGHTS:
        context_candidates._NAME, context_candidates._SENTENCE, context_candidates._NEIGHBOURS = weights
        pairs = by_context(path, names, store)
        recalls = []
        for count in (2000, 4000, len(pairs)):
            found = gold.intersection(pairs[:count])
            halves = [
                sum(half(one) == part for one in found) / sum(half(one) == part for one in gold) for part in PARTS
            ]
            recalls.append(" / ".join(f"{recall:.3f}" for recall in halves))
        print(f"name, sentence, neighbours {weights}: {', '.join(recalls)} ({len(pairs):,} pairs)", flush=True)


def judged(path: Path) -> list[Pair]:
    """Pairs that a judge calls the same in both orders, the most probable first."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["known"] and row["agrees"] == "True" and row["chance"]]
    rows.sort(key=lambda row: -float(row["chance"]))
    return [pair(row["first"], row["second"]) for row in rows if float(row["chance"]) >= 0.5]


def curve(rules: set[Pair], further: Sequence[Pair], part: str, gold: set[Pair]) -> Iterator[Score]:
    """Scores of the rules with the first pairs of an evidence, in one half."""
    verdicts = judgements()
    own_gold = {one for one in gold if half(one) == part}
    own = [one for one in further if half(one) == part]
    steps = [step for step in STEPS if step < len(own)]
    for count in (0, *steps, len(own)):
        joined = {one for one in rules if half(one) == part}.union(own[:count])
        yield score(joined, joined, own_gold, verdicts)


def plot(curves: dict[str, dict[str, list[Score]]], path: Path) -> None:
    """Draw one panel per half."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(10, 4), sharex=True, sharey=True, layout="constrained")
    colours = ("#333333", "#1f6f8b", "#c2571a", "#6a3d9a")
    for panel, (part, by_evidence) in zip(panels, curves.items(), strict=True):
        for (name, scores), colour in zip(by_evidence.items(), colours, strict=False):
            recalls, precisions = zip(*((one.recall, one.precision) for one in scores), strict=True)
            panel.plot(recalls, precisions, marker="o", markersize=4, color=colour, label=name)
        panel.set_title(f"{part} half")
        panel.set_xlabel("recall of author-given pairs")
        panel.set_ylim(0, 1.03)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("precision (unjudged pairs are wrong)")
    panels[1].legend(frameon=False)
    figure.savefig(path, dpi=90, metadata={"Software": None})


def main() -> None:
    """Print the curves, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=Path, default=DOCUMENTS)
    parser.add_argument("--verdicts", type=Path, help="what `merge_judge --verdicts` wrote")
    parser.add_argument("--weights", action="store_true", help="print the recall of contexts by weights, and end")
    parser.add_argument("--plot", type=Path, default=_PLOT)
    given = parser.parse_args()
    used, gold, texts = names_in_use(given.documents)
    names = sorted(used)
    store = EmbeddingStore(config.environment().embeddings, make_embedder("onnx"))
    if given.weights:
        print_weights(given.documents, names, store, gold)
        return
    rules = clusters(merges_of(decided(used, texts, store)))
    said = declared(names, texts)
    evidence = {"rules": [], "rules and sentences": said}
    evidence["rules, sentences and contexts"] = list(dict.fromkeys([*said, *by_context(given.documents, names, store)]))
    if given.verdicts:
        evidence["rules and a judge"] = judged(given.verdicts)
    curves = {
        part: {name: list(curve(rules, further, part, gold)) for name, further in evidence.items()} for part in PARTS
    }
    for part, by_evidence in curves.items():
        for name, scores in by_evidence.items():
            print(f"\n{part} half, {name}")
            for one in scores:
                print(f"  {one}")
    plot(curves, given.plot)


if __name__ == "__main__":
    main()
