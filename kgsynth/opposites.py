"""Words that say the opposite of each other: left and right, maximum and minimum, sum and product."""

from functools import cache
from importlib import resources


@cache
def opposites() -> dict[str, frozenset[str]]:
    """Return the opposites of each word that has any, in lower case and in the singular."""
    opposites_of: dict[str, frozenset[str]] = {}
    for line in resources.files("kgsynth").joinpath("opposites.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            first, second = line.split()
            opposites_of[first] = opposites_of.get(first, frozenset()) | {second}
            opposites_of[second] = opposites_of.get(second, frozenset()) | {first}
    return opposites_of
