"""What the tests of several modules share: the compiled engine against walks in plain Python: the same walks, with and without a lens, whatever the threads."""

from kgsynth.walks import walk_tables


def topics(held: walk_tables.WalkTables) -> list[str]:
    return [one for one in held.ids if one.startswith("topic:")]
