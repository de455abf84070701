"""Tests of `kgsynth.near_duplicates`."""

import random
from pathlib import Path

from kgsynth import near_duplicates


def test_near_duplicates_are_found_and_the_first_stays(tmp_path: Path) -> None:
    rng = random.Random(1)
    words = [f"w{n}" for n in range(500)]
    written = [" ".join(rng.choices(words, k=60)) for _ in range(300)]
    near = [text.rsplit(" ", 1)[0] + f" other{row}" for row, text in enumerate(written[:100])]
    half = [" ".join(text.split()[:30] + rng.choices(words, k=30)) for text in written[:100]]
    signatures = near_duplicates.Signatures(tmp_path)
    for row, text in enumerate(written + near + half):
        signatures.add(row, text)
    found = near_duplicates.first_stays(signatures.pairs(0.8))
    assert set(found) == set(range(300, 400))
    assert {row: of for row, (of, _) in found.items()} == {300 + row: row for row in range(100)}
    assert min(similarity for _, similarity in found.values()) > 0.8


def test_of_a_chain_only_what_is_near_to_something_that_stays_goes() -> None:
    assert near_duplicates.first_stays([(0, 1, 0.9), (1, 2, 0.9)]) == {1: (0, 0.9)}
    assert near_duplicates.first_stays([(0, 1, 0.9), (1, 2, 0.9), (0, 2, 0.8)]) == {1: (0, 0.9), 2: (0, 0.8)}


def test_groups_are_called_by_their_smallest_name() -> None:
    groups = near_duplicates.Groups()
    for first, second in (("d", "c"), ("b", "a"), ("c", "b"), ("x", "y")):
        groups.join(first, second)
    assert [groups.root(name) for name in "abcdxyz"] == ["a", "a", "a", "a", "x", "x", "z"]
