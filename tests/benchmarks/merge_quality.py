"""Quality of merging on PlanetMath: precision and recall of kgsynth's decision and of plain cosine, as curves.

    python tests/benchmarks/merge_quality.py [--documents FILE] [--unjudged FILE]

Gold: the pairs of names that the authors of the entries give as equal, where both are in use after extraction with the
declared vocabulary. Authors are not complete, so pairs that they do not give were judged by hand; the judgements are
kept by hash in merge_judgements.csv, because the names are the corpus's. A pair that nobody judged counts as wrong.
"""

import argparse
import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kgsynth import config
from kgsynth.concepts import vocabulary
from kgsynth.concepts.decide import Decision, MergeTerm, decide
from kgsynth.concepts.declared import is_expanded
from kgsynth.concepts.embedding import EmbeddingStore, make_embedder
from kgsynth.documents.read import read_again
from kgsynth.names import normal_form
from kgsynth.records import Annotation, Document
from kgsynth.settings import DocumentsSettings, EmbedderName

HERE = Path(__file__).parent
DOCUMENTS = HERE.parents[2] / "shared" / "data" / "planetmath" / "documents.jsonl.gz"
JUDGEMENTS = HERE / "merge_judgements.csv"
# Pairs of plain cosine were judged by hand down to this threshold; below, precision is a lower bound.
JUDGED_DOWN_TO = 0.94
THRESHOLDS = (0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.92, 0.90, 0.85, 0.80)

Pair = tuple[str, str]


def pair(first: str, second: str) -> Pair:
    """Two names in one order."""
    return (first, second) if first < second else (second, first)


def pair_hash(one: Pair) -> str:
    """How a judgement names a pair."""
    return hashlib.sha256("\t".join(one).encode()).hexdigest()[:16]


def half(one: Pair) -> str:
    """The half of a pair, by its hash."""
    return "seen" if int(pair_hash(one)[0], 16) < 8 else "unseen"


def judgements() -> dict[str, bool]:
    """Verdicts by pair hash."""
    if not JUDGEMENTS.exists():
        return {}
    with JUDGEMENTS.open(encoding="utf-8", newline="") as file:
        return {row["pair"]: row["same"] == "yes" for row in csv.DictReader(file)}


def annotated(path: Path, limit: int | None = None) -> tuple[list[Document], list[Annotation]]:
    """The first documents of a corpus, and the declared names that they use."""
    settings = DocumentsSettings(sources=(str(path),))
    documents = list(islice(read_again(settings), limit))
    compiled = vocabulary.Vocabulary(vocabulary.declared_names(documents))
    annotations, _ = vocabulary.annotate(documents, compiled, max_document_share=0.1)
    return documents, list(annotations)


def names_in_use(path: Path) -> tuple[Counter[str], set[Pair], list[str]]:
    """Document counts of the concept names in use, the author-given pairs among them, and the texts."""
    documents, annotations = annotated(path)
    used: Counter[str] = Counter()
    for annotation in annotations:
        used.update({normal_form(name) for name in annotation.spellings("concept")})
    clean = vocabulary.clean_name
    gold = {
        pair(normal_form(clean(first)), normal_form(clean(second)))
        for document in documents
        for first, second in document.synonyms
        if normal_form(clean(first)) != normal_form(clean(second))
    }
    texts = [document.text for document in documents]
    return used, {one for one in gold if one[0] in used and one[1] in used}, texts


def expanded(texts: Sequence[str], pairs: Sequence[Pair]) -> list[bool]:
    """Tell for pairs of ids, the acronym first, whether a text has the expansion beside the acronym."""
    folded = [text.casefold() for text in texts]
    names = [(short.partition(":")[2], long.partition(":")[2]) for short, long in pairs]
    return [
        any(short in lower and is_expanded(text, short, long) for text, lower in zip(texts, folded, strict=True))
        for short, long in names
    ]


class Score(NamedTuple):
    """Pairs joined, the share of right ones, how many nobody judged (they count as wrong), and the share of gold found."""

    pairs: int
    precision: float
    unjudged: int
    recall: float

    def __str__(self) -> str:
        return f"{self.pairs:6,} pairs  precision {self.precision:.3f} (unjudged {self.unjudged:,})  recall {self.recall:.3f}"


class Measured(NamedTuple):
    """The scores of one embedder: kgsynth's decision, its parts, and plain cosine by threshold.

    `halves` counts all pairs of the merged groups, the others the merges.
    """

    kgsynth: Score
    by_cosine: dict[float, Score]
    by_rule: dict[str, Score]
    halves: dict[str, Score]
    cosine: dict[float, Score]
    found: list[tuple[str, Pair]]


def score(found: Iterable[Pair], joined: Iterable[Pair], gold: set[Pair], verdicts: dict[str, bool]) -> Score:
    """Precision over `found`, recall of the gold pairs in `joined`."""
    found = set(found)
    right = sum(one in gold or verdicts.get(pair_hash(one), False) for one in found)
    unjudged = sum(one not in gold and pair_hash(one) not in verdicts for one in found)
    precision = right / len(found) if found else 1.0
    return Score(len(found), precision, unjudged, len(gold & set(joined)) / len(gold))


def clusters(merges: Iterable[Pair]) -> set[Pair]:
    """All pairs that count as one term after merging (alias, canonical)."""
    members: dict[str, list[str]] = {}
    for alias, canonical in merges:
        members.setdefault(canonical, [canonical]).append(alias)
    return {pair(one, other) for group in members.values() for one in group for other in group if one < other}


def decided(used: Counter[str], texts: Sequence[str], store: EmbeddingStore) -> Decision:
    """The decision of the rules on names, as `kgsynth merge` makes it."""
    terms = [MergeTerm(id=f"concept:{one}", kind="concept", name=one, document_count=used[one]) for one in sorted(used)]
    return decide(terms, store.embed, neighbours=20, min_cosine=0.5, expanded=partial(expanded, texts))


def merges_of(decision: Decision, least_cosine: float = -1.0, rule: str = "") -> list[Pair]:
    """Alias and name of each merge from a cosine, by one rule or by all."""
    return [
        (one.alias_id.removeprefix("concept:"), one.canonical_id.removeprefix("concept:"))
        for one in decision.merges
        if one.cosine >= least_cosine and rule in ("", one.rule)
    ]


def measure(
    embedder: EmbedderName, used: Counter[str], gold: set[Pair], texts: Sequence[str], store_path: Path
) -> Measured:
    """Score kgsynth and plain cosine with one embedder."""
    verdicts = judgements()
    store = EmbeddingStore(store_path, make_embedder(embedder))
    ids = sorted(used)
    decision = decided(used, texts, store)
    by_cosine: dict[float, Score] = {}
    for least in (0.0, 0.5, 0.7, 0.8, 0.9, 0.95):
        merges = merges_of(decision, least)
        by_cosine[least] = score((pair(*one) for one in merges), clusters(merges), gold, verdicts)
        if not least:
            found = [("kgsynth", pair(*one)) for one in merges]
    by_rule = {
        rule: score(pairs, pairs, gold, verdicts)
        for rule in sorted({one.rule for one in decision.merges})
        for pairs in [[pair(*one) for one in merges_of(decision, rule=rule)]]
    }
    grouped = clusters(merges_of(decision))
    halves = {
        name: score(part, part, {one for one in gold if half(one) == name}, verdicts)
        for name in ("seen", "unseen")
        for part in [[one for one in grouped if half(one) == name]]
    }
    # Plain cosine embeds the names as they stand.
    vectors = store.embed(ids)
    similarities = np.triu(vectors @ vectors.T, k=1)
    cosine: dict[float, Score] = {}
    for threshold in THRESHOLDS:
        rows, columns = np.nonzero(similarities >= threshold)
        pairs = {pair(ids[row], ids[column]) for row, column in zip(rows, columns, strict=True)}
        cosine[threshold] = score(pairs, pairs, gold, verdicts)
        if threshold >= JUDGED_DOWN_TO:
            found += [(f"cosine {threshold}", one) for one in sorted(pairs)]
    return Measured(by_cosine[0.0], by_cosine, by_rule, halves, cosine, found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=Path, default=DOCUMENTS)
    parser.add_argument("--unjudged", type=Path, help="write pairs that nobody judged, with the place they come from")
    arguments = parser.parse_args()
    if not arguments.documents.is_file():
        raise SystemExit(f"skipped: the PlanetMath corpus is not at {arguments.documents}")
    used, gold, texts = names_in_use(arguments.documents)
    verdicts = judgements()
    print(f"{len(used):,} names in use, {len(gold):,} author-given pairs among them, {len(verdicts):,} judgements")
    unjudged: dict[Pair, str] = {}
    embedders: tuple[EmbedderName, ...] = ("onnx", "sentence-transformers")
    for embedder in embedders:
        measured = measure(embedder, used, gold, texts, config.environment().embeddings)
        print(f"\n{embedder}\nkgsynth by rule, and pairs of the merged groups by half:")
        for name, part in (*measured.by_rule.items(), *measured.halves.items()):
            print(f"  {name:9} {part}")
        print("all merges, and those above a cosine:")
        for least, one in measured.by_cosine.items():
            print(f"  >= {least:.2f}  {one}")
        print("plain cosine:")
        for threshold, one in measured.cosine.items():
            print(f"  >= {threshold:.2f}  {one}")
        for origin, candidate in measured.found:
            if candidate not in gold and pair_hash(candidate) not in verdicts:
                unjudged.setdefault(candidate, origin)
    if arguments.unjudged:
        lines = [f"{pair_hash(one)}\t{one[0]}\t{one[1]}\t{origin}\n" for one, origin in unjudged.items()]
        arguments.unjudged.write_text("".join(lines), encoding="utf-8")
        print(f"\n{len(lines):,} unjudged pairs written to {arguments.unjudged}")


if __name__ == "__main__":
    main()
