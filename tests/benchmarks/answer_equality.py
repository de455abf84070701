"""Equality of final answers against pairs that are known to be equal or not.

    python -m tests.benchmarks.answer_equality [pairs.jsonl]

By type: pairs, wrongly equal, wrongly different (a missing unit counts as different); then comparisons a second, with
every text read anew and with none. Without a file, the table of the unit tests.
"""

import csv
import json
import sys
import time
from collections import Counter
from pathlib import Path

from kgsynth.final_answers import Verdict, compare
from kgsynth.final_answers.compare import _compare_texts
from kgsynth.final_answers.typed import typed

TABLE = Path(__file__).parents[1] / "unit" / "answer_pairs.csv"
Pair = tuple[str, str, str, bool | None]


def pairs_of(file: Path) -> list[Pair]:
    """Type, both answers and whether they are the same; None where both verdicts are fine."""
    if file.suffix == ".csv":
        rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
        return [(row["type"], row["first"], row["second"], row["same"] == "true") for row in rows]
    objects = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [(row.get("type", "all"), row["first"], row["second"], row["same"]) for row in objects]


def rate(pairs: list[Pair]) -> float:
    """Comparisons a second."""
    started = time.perf_counter()
    for _, first, second, _ in pairs:
        compare(first, second)
    return len(pairs) / (time.perf_counter() - started)


def main() -> None:
    """Print the table of errors and the speed."""
    pairs = pairs_of(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE)
    seen: Counter[str] = Counter()
    wrong_equal: dict[str, list[tuple[str, str]]] = {}
    wrong_different: dict[str, list[tuple[str, str]]] = {}
    for kind, first, second, is_same in pairs:
        verdict = compare(first, second)
        seen[kind] += 1
        if is_same is False and verdict is Verdict.EQUAL:
            wrong_equal.setdefault(kind, []).append((first, second))
        if is_same and verdict is not Verdict.EQUAL:
            wrong_different.setdefault(kind, []).append((first, second))
    print(f"{'type':24}{'pairs':>7}{'wrongly equal':>16}{'wrongly different':>20}")
    for kind, count in sorted(seen.items()):
        print(f"{kind:24}{count:7}{len(wrong_equal.get(kind, [])):16}{len(wrong_different.get(kind, [])):20}")
    for name, found in (("wrongly equal", wrong_equal), ("wrongly different", wrong_different)):
        for kind, these in found.items():
            for first, second in these:
                print(f"{name}, {kind}: {first}   |   {second}")
    _compare_texts.cache_clear()
    typed.cache_clear()
    print(f"{rate(pairs):.0f} comparisons a second of texts that are new, ", end="")
    print(f"{rate(pairs):.0f} of texts that were compared before")


if __name__ == "__main__":
    main()
