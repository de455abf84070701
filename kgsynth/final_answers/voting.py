"""The majority of final answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from kgsynth.final_answers.compare import Verdict, compare, units_in
from kgsynth.final_answers.precision import Precision


@dataclass(frozen=True, slots=True)
class Majority:
    """The largest group of votes with equal answers.

    Attributes:
        vote_index: index of the vote that represents the group: its first vote with the maximum number of units.
        agreeing: number of votes in the group.
        votes: number of all votes, including those without a final answer.
        unit_missing: number of votes in the group that lack a unit which others have.
        members: indexes of the votes in the group.
    """

    vote_index: int
    agreeing: int
    votes: int
    unit_missing: int = 0
    members: tuple[int, ...] = ()

    @property
    def agreement(self) -> float:
        """Share of the group in all votes, including those without a final answer; in (0, 1]."""
        return self.agreeing / self.votes


def majority(answers: Sequence[str], precision: Precision | None = None) -> Majority | None:
    """Return the largest group of equal answers, of equal groups the first; None if no vote has a final answer.

    An answer joins a group only if it agrees with all its members: 5, 5 cm and 5 km are never one group.
    """
    groups: list[list[int]] = []
    for index, answer in enumerate(answers):
        if not answer.strip():
            continue
        group = next((group for group in groups if _joins(answer, group, answers, precision)), None)
        if group is None:
            groups.append([index])
        else:
            group.append(index)
    if not groups:
        return None
    best = max(groups, key=lambda group: (len(group), -group[0]))
    unit_counts = [units_in(answers[index]) for index in best]
    max_units = max(unit_counts)
    return Majority(
        vote_index=best[unit_counts.index(max_units)],
        agreeing=len(best),
        votes=len(answers),
        unit_missing=sum(count < max_units for count in unit_counts),
        members=tuple(best),
    )


def _joins(answer: str, group: Sequence[int], answers: Sequence[str], precision: Precision | None) -> bool:
    return all(compare(answer, answers[index], precision) is not Verdict.DIFFERENT for index in group)
