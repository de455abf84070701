"""Quality of merging on PlanetMath: precision and recall of kgsynth's decision and of plain cosine, as curves.

    python tests/benchmarks/merge_quality.py [--documents FILE] [--unjudged FILE]

Gold: the pairs of names that the authors of the entries give as equal, where both are in use after extraction with the
declared vocabulary. Authors are not complete, so pairs that they do not give were judged by hand; the judgements are
kept by hash in merge_judgements.csv, because the names are the corpus's. A pair that nobody judged counts as wrong.
"""

import argparse
import csv
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kgsynth import config
from kgsynth.concepts import vocabulary
from kgsynth.concepts.decide import MergeTerm, decide
from kgsynth.concepts.embedding import EmbeddingStore, make_embedder
from kgsynth.concepts.normalise import normal_form
from kgsynth.config import DocumentsSettings
from kgsynth.documents import RejectFile, usable_documents
from kgsynth.records import StageCount

HERE = Path(__file__).parent
DOCUMENTS = HERE.parents[2] / "shared" / "data" / "planetmath" / "documents.jsonl.gz"
JUDGEMENTS = HERE / "merge_judgements.csv"
THRESHOLDS = (0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.92, 0.90, 0.85, 0.80)

Pair = tuple[str, str]


def pair(first: str, second: str) -> Pair:
    """Two names in one order."""
    return (first, second) if first < second else (second, first)


def pair_hash(one: Pair) -> str:
    """How a judgement names a pair."""
    return hashlib.sha256("\t".join(one).encode()).hexdigest()[:16]


def judgements() -> dict[str, bool]:
    """Verdicts by pair hash."""
    if not JUDGEMENTS.exists():
        return {}
    with JUDGEMENTS.open(encoding="utf-8", newline="") as file:
        return {row["pair"]: row["same"] == "yes" for row in csv.DictReader(file)}


def names_in_use(path: Path) -> tuple[Counter[str], set[Pair]]:
    """Document counts of the concept names in use, and the author-given pairs among them."""
    settings = DocumentsSettings(sources=(str(path),))
    with tempfile.TemporaryDirectory() as folder, RejectFile(Path(folder) / "rejects.jsonl") as rejects:
        documents = list(usable_documents(settings, rejects, StageCount(stage="read")))
    compiled = vocabulary.Vocabulary(vocabulary.declared_names(documents))
    annotations, _ = vocabulary.annotate(documents, compiled, max_document_share=0.1)
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
    return used, {one for one in gold if one[0] in used and one[1] in used}


def score(found: Iterable[Pair], joined: Iterable[Pair], gold: set[Pair], verdicts: dict[str, bool]) -> str:
    """One line: pairs, right ones, precision, recall of the gold pairs in `joined`."""
    found = set(found)
    right = sum(one in gold or verdicts.get(pair_hash(one), False) for one in found)
    unjudged = sum(one not in gold and pair_hash(one) not in verdicts for one in found)
    recall = len(gold & set(joined)) / len(gold)
    precision = right / len(found) if found else 1.0
    return f"{len(found):6,} pairs  precision {precision:.3f} (unjudged {unjudged:,})  recall {recall:.3f}"


def clusters(merges: Iterable[Pair]) -> set[Pair]:
    """All pairs that count as one term after merging (alias, canonical)."""
    members: dict[str, list[str]] = {}
    for alias, canonical in merges:
        members.setdefault(canonical, [canonical]).append(alias)
    return {pair(one, other) for group in members.values() for one in group for other in group if one < other}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=Path, default=DOCUMENTS)
    parser.add_argument("--unjudged", type=Path, help="write pairs that nobody judged, with the place they come from")
    arguments = parser.parse_args()
    if not arguments.documents.is_file():
        raise SystemExit(f"skipped: the PlanetMath corpus is not at {arguments.documents}")
    used, gold = names_in_use(arguments.documents)
    verdicts = judgements()
    print(f"{len(used):,} names in use, {len(gold):,} author-given pairs among them, {len(verdicts):,} judgements")
    unjudged: list[tuple[str, Pair]] = []
    for name in ("onnx", "sentence-transformers"):
        store = EmbeddingStore(config.environment().embeddings, make_embedder(name))
        ids = sorted(used)
        vectors = store.embed(ids)  # plain cosine embeds the names as they stand
        terms = [MergeTerm(id=f"concept:{one}", kind="concept", name=one, document_count=used[one]) for one in ids]
        print(f"\n{store.model}\nkgsynth, by its smallest cosine over the rules' own:")
        for least in (0.0, 0.5, 0.7, 0.8, 0.9, 0.95):
            decision = decide(terms, store.embed, neighbours=20, min_cosine=0.5)
            merges = [
                (one.alias_id.removeprefix("concept:"), one.canonical_id.removeprefix("concept:"))
                for one in decision.merges
                if one.cosine >= least
            ]
            print(f"  >= {least:.2f}  {score((pair(*one) for one in merges), clusters(merges), gold, verdicts)}")
            if least == 0.0:
                unjudged += [("kgsynth", pair(*one)) for one in merges]
                by_rule = Counter(one.rule for one in decision.merges)
                print("           " + ", ".join(f"{rule} {count}" for rule, count in sorted(by_rule.items())))
        print("plain cosine:")
        similarities = np.triu(vectors @ vectors.T, k=1)
        for threshold in THRESHOLDS:
            rows, columns = np.nonzero(similarities >= threshold)
            found = {pair(ids[row], ids[column]) for row, column in zip(rows, columns, strict=True)}
            print(f"  >= {threshold:.2f}  {score(found, found, gold, verdicts)}")
            if threshold >= 0.94:
                unjudged += [(f"cosine {threshold}", one) for one in sorted(found)]
    if arguments.unjudged:
        seen: set[Pair] = set()
        with arguments.unjudged.open("w", encoding="utf-8") as file:
            for origin, one in unjudged:
                if one not in gold and one not in seen and pair_hash(one) not in verdicts:
                    seen.add(one)
                    file.write(f"{pair_hash(one)}\t{one[0]}\t{one[1]}\t{origin}\n")
        print(f"\n{len(seen):,} unjudged pairs written to {arguments.unjudged}")


if __name__ == "__main__":
    main()
