"""Words that say the opposite of each other: left and right, maximum and minimum, sum and product."""

from functools import cache
from importlib import resources


@cache
def opposites() -> dict[str, frozenset[str]]:
    """The opposites of each word that has some, in lower case and in the singular."""
    found: dict[str, frozenset[str]] = {}
    for line in resources.files("kgsynth").joinpath("opposites.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            first, second = line.split()
            found[first] = found.get(first, frozenset()) | {second}
            found[second] = found.get(second, frozenset()) | {first}
    return found
