"""What the tests of several modules share: singulars, spellings, acronyms and "A of B": on lists of pairs from eight fields, half of them traps."""

import csv
from pathlib import Path

from kgsynth.concepts.lexical import join, veto, words_of

Row = dict[str, str]


PAIRS = Path(__file__).parent / "name_pairs.tsv"


SAME_KINDS = ("plural", "spelling", "letters", "of")


def rows(*kinds: str) -> list[Row]:
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["kind"] in kinds]


def are_one(first: str, second: str) -> bool:
    one, other = words_of(first), words_of(second)
    rule = join(one, other)
    return bool(rule) and (rule == "acronym" or not veto(one, other))
