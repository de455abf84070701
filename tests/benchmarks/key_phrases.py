"""Key phrases beside the names that authors declare: how many names are found, and how many phrases are names.

    python -m tests.benchmarks.key_phrases [AREAS]

PlanetMath (2,914 entries). A declared name is a title, concept or synonym of several words that stands in 3 documents or
more. The areas of mathematics are divided by a hash into those that the method was made on (`work`) and those that were
looked at once (`last`); `all` is the whole corpus. Precision at k counts a phrase that is a declared name anywhere, so
phrases that are good and declared nowhere count as wrong.
"""

import gzip
import hashlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from kgsynth.concepts.keyphrases import keyphrases
from kgsynth.concepts.latex_words import detex
from kgsynth.inflection import singular
from kgsynth.names import fold
from kgsynth.records import Document

_ROOT = Path(__file__).parents[3] / "shared" / "data"
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_MOST_WORDS = 6
_RANKS = (100, 500, 1000, 2500)


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a corpus of ../shared/data."""
    path = _ROOT / name / "documents.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def key(text: str) -> tuple[str, ...]:
    """The words of a name, folded and in the singular, under which it is looked up."""
    return tuple(singular(fold(word)) for word in _TOKEN.findall(detex(text).replace("-", " ")))


def is_work(area: str) -> bool:
    """Whether an area belongs to the part that the method was made on."""
    return int(hashlib.sha256(f"area {area}".encode()).hexdigest()[:8], 16) % 2 == 0


def declared(entries: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """The names of several words that entries declare."""
    names = [
        name
        for row in entries
        for name in [row["title"], *row["concepts"], *(one for pair in row["synonyms"] for one in pair)]
    ]
    return {words for words in map(key, names) if 2 <= len(words) <= _MOST_WORDS}


def document_counts(entries: list[dict[str, Any]], names: set[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """In how many entries each name stands."""
    found: Counter[tuple[str, ...]] = Counter()
    for row in entries:
        words = key(f"{row['title']} ¤ {row['text']}")
        runs = {words[first : first + size] for size in range(2, _MOST_WORDS + 1) for first in range(len(words))}
        found.update(runs & names)
    return found


def main() -> None:
    """The table."""
    entries = rows("planetmath")
    part = sys.argv[1] if len(sys.argv) > 1 else "work"
    chosen = [row for row in entries if part == "all" or is_work(row["area"]) == (part == "work")]
    everything = declared(entries)
    counts = document_counts(chosen, declared(chosen))
    wanted = {name for name, count in counts.items() if count >= 3}
    documents = [
        Document(id=row["id"], text=row["text"], title=row["title"], topics=tuple(row["topics"])) for row in chosen
    ]
    most = max(500, round(2500 * len(chosen) / len(entries)))
    found = [
        key(one.name) for one in keyphrases(documents, max_document_share=0.1, min_document_count=2, max_phrases=10**6)
    ]
    kept = found[:most]
    print(f"{part}: {len(chosen):,} entries, {len(wanted):,} names wanted, {len(found):,} candidates, {most:,} kept")
    print(f"recall of kept {len(wanted.intersection(kept)) / len(wanted):.3f}, ", end="")
    print(f"of all candidates {len(wanted.intersection(found)) / len(wanted):.3f}")
    for rank in [*(rank for rank in _RANKS if rank < most), most]:
        hits = sum(name in everything for name in kept[:rank])
        print(f"precision at {rank:,}: {hits / min(rank, len(kept)):.3f}")
    if len(sys.argv) > 2:
        show(found, wanted, everything, kept, counts)


def show(
    found: list[tuple[str, ...]],
    wanted: set[tuple[str, ...]],
    everything: set[tuple[str, ...]],
    kept: list[tuple[str, ...]],
    counts: Counter[tuple[str, ...]],
) -> None:
    """Names that are missed, and phrases that are no names."""
    ranks = {name: rank for rank, name in enumerate(found)}
    missed = sorted(wanted.difference(kept), key=lambda name: (-counts[name], name))
    print("missed:", "; ".join(f"{' '.join(name)} ({counts[name]}, {ranks.get(name, '-')})" for name in missed[:250]))
    print("no names:", "; ".join(" ".join(name) for name in kept if name not in everything)[:9000])


if __name__ == "__main__":
    main()
