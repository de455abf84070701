"""Quality of merging with a judge: precision and recall of rules and of a model's verdicts, on two halves of the pairs.

    python -m tests.benchmarks.merge_judge MODEL [--pairs-per-thousand 120] [--documents FILE] [--verdicts FILE]

The whole command runs as a user's would: PlanetMath without its synonyms, extraction with the declared vocabulary, load,
merge, `merge --judge`. Gold and judgements by hand are those of merge_quality. Pairs are divided into halves by their
hash; rules and prompts were tuned on neither by these halves, but the rules were tuned on this corpus. A pair that
nobody judged counts as wrong. `--verdicts` writes the pairs with their scores, for reading.
"""

import argparse
import csv
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from kgsynth import config, pipeline
from kgsynth.concepts.calibration import area
from kgsynth.graph import decisions
from kgsynth.names import normal_form
from kgsynth.settings import JudgeSettings, MergeSettings
from tests import corpora
from tests.benchmarks.load_peers import fresh_server
from tests.benchmarks.merge_quality import (
    DOCUMENTS,
    Pair,
    annotated,
    clusters,
    half,
    judgements,
    names_in_use,
    pair,
    pair_hash,
)

THRESHOLDS = (0.99, 0.97, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3)


def is_right(one: Pair, gold: set[Pair], verdicts: dict[str, bool]) -> bool:
    """Whether authors or a reader called two names the same."""
    return one in gold or verdicts.get(pair_hash(one), False)


def load(graph: pipeline.Graph, path: Path, desk: Path, limit: int | None) -> None:
    """Load the documents without their synonyms, and the names that the vocabulary finds."""
    documents, annotations = annotated(path, limit)
    corpora.load(graph, desk, annotations, [replace(document, synonyms=()) for document in documents])


def report(found: list[decisions.JudgedPair], merged: set[Pair], gold: set[Pair]) -> None:
    """Print rules and judge on both halves."""
    verdicts = judgements()
    names = {one: one.partition(":")[2] for verdict in found for one in verdict.pair}
    asked = [(pair(*(names[one] for one in verdict.pair)), verdict) for verdict in found if not verdict.known]
    for part in ("seen", "unseen"):
        own_gold = {one for one in gold if half(one) == part}
        rules = {one for one in merged if half(one) == part}
        right = sum(is_right(one, gold, verdicts) for one in rules)
        print(f"\n{part} half: {len(own_gold)} author-given pairs")
        print(f"  rules: {len(rules)} pairs, precision {right / max(1, len(rules)):.3f}, recall {len(rules & own_gold) / len(own_gold):.3f}")  # fmt: skip
        own = [(one, verdict) for one, verdict in asked if half(one) == part]
        in_gold = sum(one in gold for one, _ in own)
        same = np.array([verdict.score for one, verdict in own if is_right(one, gold, verdicts)])
        other = np.array([verdict.score for one, verdict in own if not is_right(one, gold, verdicts)])
        auc = area(same, other) if len(same) and len(other) else float("nan")
        agree = sum(verdict.agrees for _, verdict in own) / max(1, len(own))
        print(f"  judge: {len(own)} pairs, {in_gold} author-given; area under ROC {auc:.3f}; orders agree {agree:.2f}")  # fmt: skip
        for threshold in THRESHOLDS:
            joined = {one for one, verdict in own if verdict.agrees and (verdict.chance or 0) >= threshold}
            if not joined:
                continue
            right = sum(is_right(one, gold, verdicts) for one in joined)
            unjudged = sum(one not in gold and pair_hash(one) not in verdicts for one in joined)
            recall = len((rules | joined) & own_gold) / len(own_gold)
            print(
                f"    from {threshold}: {len(joined)} pairs, precision {right / len(joined):.3f} "
                f"({unjudged} that nobody judged), recall with rules {recall:.3f}"
            )


def main() -> None:
    """Run the judge, and print both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--documents", type=Path, default=DOCUMENTS)
    parser.add_argument("--limit", type=int, help="number of documents")
    parser.add_argument("--pairs-per-thousand", type=int, default=120)
    parser.add_argument("--known-pairs", type=int, default=60)
    parser.add_argument("--engine", default="{}", help="options of vLLM, JSON")
    parser.add_argument("--run-dir", type=Path, default=Path("build/judge"))
    parser.add_argument("--verdicts", type=Path)
    given = parser.parse_args()
    used, gold, _ = names_in_use(given.documents)
    settings = JudgeSettings(
        backend="vllm",
        model=given.model,
        domain="mathematics",
        engine=json.loads(given.engine),
        pairs_per_thousand=given.pairs_per_thousand,
        known_pairs=given.known_pairs,
        max_rejected_share=1.0,
    )
    say = lambda count: print(f"  {count.line()}", flush=True)  # noqa: E731
    environment = config.environment()
    Path("build").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir="build") as folder,
        fresh_server(Path(folder).absolute(), "judge") as server,
        server.connect() as graph,
    ):
        load(graph, given.documents, Path(folder), given.limit)
        pipeline.merge(graph, environment, MergeSettings(), report=say)
        judged = pipeline.judge_names(graph, environment, MergeSettings(), settings, run_dir=given.run_dir, report=say)
        merges = [(one.alias_id, one.canonical_id) for one in decisions.merges(graph)]
        found = decisions.judged_pairs(graph)
    merged = clusters(
        (normal_form(one.partition(":")[2]), normal_form(other.partition(":")[2])) for one, other in merges
    )
    print(f"{len(used):,} names, {len(gold):,} author-given pairs, calibration {judged.calibration}")
    if given.verdicts:
        with given.verdicts.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("first", "second", "score", "chance", "agrees", "known", "author-given", "judged"))
            by_hash = judgements()
            for verdict in sorted(found, key=lambda verdict: -verdict.score):
                one = pair(*(identity.partition(":")[2] for identity in verdict.pair))
                row = (*one, verdict.score, verdict.chance, verdict.agrees, verdict.known, one in gold)
                writer.writerow((*row, by_hash.get(pair_hash(one), "")))
    report(found, merged, gold)


if __name__ == "__main__":
    main()
