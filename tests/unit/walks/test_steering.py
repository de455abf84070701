"""Tests of `kgsynth.walks.steering`."""

from kgsynth.progress import Silent
from kgsynth.walks import steering
from tests import corpora
from tests.walker import Context


class Recorded(Silent):
    """Records each stage with its number of units."""

    def __init__(self) -> None:
        self.stages: dict[str, int] = {}
        self.open: list[str] = []

    def stage(self, name: str, total: int | None, account: object = None) -> None:
        self.stages[name] = 0
        self.open.append(name)

    def advance(self, count: int = 1) -> None:
        self.stages[self.open[-1]] += count

    def done(self) -> None:
        self.open.pop()


def test_favouring_shows_how_far_it_is(held: list[Context]) -> None:
    tables = corpora.tables(held)
    earlier = [["concept:a", "concept:b"], *([list(tables.ids[:3])] * 40)]
    progress = Recorded()
    units = steering.favouring_unused(None, tables, iter(earlier), progress)
    assert progress.stages == {"earlier combinations": 41, "unused pairs": tables.first_topic}
    assert progress.open == []
    assert (units[tables.first_topic :] == 1000).all()
    assert (units[:3] < 30).all()
    assert (units > 0).all()
    # Through a lens, a term without a weight stays without one.
    within = corpora.units(tables, dict.fromkeys(tables.ids[1:], 2000))
    both = steering.favouring_unused(within, tables, iter(earlier), progress)
    assert both[0] == 0
    assert (both[1:] == [max(1, 2 * own) for own in units[1:].tolist()]).all()
