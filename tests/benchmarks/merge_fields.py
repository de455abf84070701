"""Precision of the merge rules on key phrases of other fields than mathematics, by rule and by field.

    python -m tests.benchmarks.merge_fields [--unjudged FILE]

The names are key phrases of the eleven background fields in ../shared/data/background, and of the documentation of
installed packages. All merges were judged by one reader; the judgements are kept by hash in merge_judgements.csv. A merge
that nobody judged counts as wrong, and is listed by `--unjudged`.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kgsynth import config
from kgsynth.concepts import vocabulary
from kgsynth.concepts.embedding import EmbeddingStore, make_embedder
from kgsynth.concepts.keyphrases import keyphrases
from kgsynth.documents.read import read_again
from kgsynth.names import normal_form
from kgsynth.records import Document
from kgsynth.settings import DocumentsSettings
from tests.benchmarks.key_phrases import rows
from tests.benchmarks.merge_quality import Pair, decided, judgements, pair, pair_hash

# Packages that the tests and the demo install; those that are missing are left out.
PACKAGES = ("sympy", "scipy", "networkx", "numpy", "pandas", "matplotlib", "torch", "transformers", "sklearn", "ray")


class Field(NamedTuple):
    """A field: its documents, in how many of them a phrase must occur, and how many phrases are taken."""

    name: str
    documents: list[Document]
    min_document_count: int
    max_phrases: int


def fields() -> Iterator[Field]:
    """Yield the background fields, of which even single phrases are taken, and the packages."""
    by_field: dict[str, list[Document]] = defaultdict(list)
    for row in rows("background"):
        document = Document(id=row["id"], text=row["text"], title=row["title"], topics=(row["source"],))
        by_field[row["field"]].append(document)
    for name, documents in sorted(by_field.items()):
        yield Field(name, documents, 1, 20_000)
    for package in PACKAGES:
        settings = DocumentsSettings(loader="python-docs", sources=(package,), min_words=20)
        try:
            documents = list(read_again(settings))
        except ImportError:
            continue
        yield Field(package, documents, 2, 5_000)


def merged(field: Field, store: EmbeddingStore) -> tuple[int, list[tuple[str, Pair]]]:
    """Return the number of names of a field, and the pairs that rules join, each with its rule."""
    found = keyphrases(
        field.documents, max_document_share=0.3, min_document_count=field.min_document_count,
        max_phrases=field.max_phrases,
    )  # fmt: skip
    used: Counter[str] = Counter()
    for phrase in found:
        used[normal_form(vocabulary.clean_name(phrase.name))] += phrase.document_count
    used.pop("", None)
    merges = decided(used, [document.text for document in field.documents], store).merges
    pairs = [(one.rule, pair(one.alias_id.partition(":")[2], one.canonical_id.partition(":")[2])) for one in merges]
    return len(used), pairs


def table(title: str, groups: dict[str, list[Pair]], verdicts: dict[str, bool]) -> None:
    """Print merges, precision and unjudged merges of each group."""

    def line(name: str, pairs: Iterable[Pair]) -> str:
        judged = [verdicts.get(pair_hash(one)) for one in pairs]
        share = f"{judged.count(True) / len(judged):.3f}" if judged else "-"
        return f"{name:30} {len(judged):6,} merges  precision {share}  unjudged {judged.count(None):,}"

    print(f"\n{title}")
    for name, pairs in sorted(groups.items()):
        print(line(name, pairs))
    print(line("together", [one for pairs in groups.values() for one in pairs]))


def main() -> None:
    """Print precision by field and by rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--unjudged", type=Path, help="write merges that nobody judged")
    arguments = parser.parse_args()
    verdicts = judgements()
    store = EmbeddingStore(config.environment().embeddings, make_embedder("onnx"))
    by_field: dict[str, list[Pair]] = {}
    by_rule: dict[str, list[Pair]] = defaultdict(list)
    for field in fields():
        names, pairs = merged(field, store)
        print(f"{field.name}: {len(field.documents):,} documents, {names:,} names", flush=True)
        by_field[field.name] = [one for _, one in pairs]
        for rule, one in pairs:
            by_rule[rule].append(one)
    table("by field", by_field, verdicts)
    table("by rule", by_rule, verdicts)
    if arguments.unjudged:
        lines = [
            f"{pair_hash(one)}\t{one[0]}\t{one[1]}\t{rule}\n"
            for rule, pairs in by_rule.items()
            for one in pairs
            if pair_hash(one) not in verdicts
        ]
        arguments.unjudged.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
