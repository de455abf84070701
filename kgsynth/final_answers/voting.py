"""The majority of final answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from kgsynth.final_answers.compare import Verdict, compare, units_in
from kgsynth.final_answers.precision import Precision


@dataclass(frozen=True, slots=True)
class Majority:
    """The winner of a vote.

    Attributes:
        place: of the vote that stands for the group: its first, or its first with a unit where some lack it.
        agreeing: votes that end in this answer.
        votes: all of them, those without a final answer included.
        unit_missing: votes of the group that lack the unit which others have.
        members: places of the votes that agree.
    """

    place: int
    agreeing: int
    votes: int
    unit_missing: int = 0
    members: tuple[int, ...] = ()

    @property
    def agreement(self) -> float:
        """Share of all votes, those without a final answer included, in (0, 1]."""
        return self.agreeing / self.votes


def majority(answers: Sequence[str], precision: Precision | None = None) -> Majority | None:
    """The answer that most votes end in; of equals the one that came first. None when no vote has a final answer.

    An answer joins a group only when it differs from none of its members: 5, 5 cm and 5 km are never three votes.
    """
    groups: list[list[int]] = []
    for place, answer in enumerate(answers):
        if not answer.strip():
            continue
        group = next((group for group in groups if _joins(answer, group, answers, precision)), None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    if not groups:
        return None
    best = max(groups, key=lambda group: (len(group), -group[0]))
    with_unit = [units_in(answers[place]) for place in best]
    most = max(with_unit)
    return Majority(
        place=best[with_unit.index(most)],
        agreeing=len(best),
        votes=len(answers),
        unit_missing=sum(count < most for count in with_unit),
        members=tuple(best),
    )


def _joins(answer: str, group: Sequence[int], answers: Sequence[str], precision: Precision | None) -> bool:
    return all(compare(answer, answers[place], precision) is not Verdict.DIFFERENT for place in group)
