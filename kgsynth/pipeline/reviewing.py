"""Merge review: the pairs that the rules decide barely, shown to people, and what they said, kept for ever after."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kgsynth.config import Environment, MergeSettings
from kgsynth.curation.duplicates import Groups
from kgsynth.errors import ConfigError
from kgsynth.graph import decisions, show
from kgsynth.graph.session import Graph
from kgsynth.pipeline.graph import MergePlan, merge, plan_merge
from kgsynth.pipeline.stages import Report
from kgsynth.runs import atomic

Verdict = Literal["yes", "no"]
Pair = tuple[str, str]
_COLUMNS = (
    "verdict",
    "first",
    "second",
    "decided",
    "cosine",
    "doubt",
    "first_sentence",
    "second_sentence",
    "first_id",
    "second_id",
)
_SENTENCE_REACH = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A doubtful pair as a person sees it: names, what the rules decided and why, and a text that uses each name."""

    first_id: str
    second_id: str
    first: str
    second: str
    decided: str
    cosine: float
    doubt: float
    first_sentence: str
    second_sentence: str

    @property
    def pair(self) -> Pair:
        """The ids, smaller first."""
        return self.first_id, self.second_id


def cases(graph: Graph, environment: Environment, settings: MergeSettings, *, limit: int | None = None) -> list[Case]:
    """The doubtful pairs that nobody has decided yet, the most doubtful first.

    Args:
        graph: where.
        environment: where embeddings are kept.
        settings: of the merges.
        limit: at most; None for all.
    """
    planned = plan_merge(graph, environment, settings)
    said = decisions.distinct_pairs(graph) | decisions.same_pairs(graph)
    open_ones = [one for one in planned.doubts if (one.first_id, one.second_id) not in said]
    sentences: dict[str, str] = {}

    def sentence(identity: str) -> str:
        if identity not in sentences:
            sentences[identity] = show.sentence_of(graph, identity, reach=_SENTENCE_REACH)
        return sentences[identity]

    return [
        Case(
            first_id=one.first_id,
            second_id=one.second_id,
            first=planned.names[one.first_id],
            second=planned.names[one.second_id],
            decided=f"joined ({one.rule})" if one.is_joined else f"kept apart ({one.why_not})",
            cosine=one.cosine,
            doubt=one.doubt,
            first_sentence=sentence(one.first_id),
            second_sentence=sentence(one.second_id),
        )
        for one in open_ones[:limit]
    ]


def write_review(path: Path, found: Iterable[Case]) -> None:
    """The cases as a CSV file with an empty column `verdict`, for people to fill in with yes or no.

    Raises:
        ConfigError: the file is there, and holds verdicts or something else than a review.
    """
    if path.exists() and (path.stat().st_size == 0 or read_reviews([path])):
        raise ConfigError(
            f"{path} is there already" + (", and people have filled it in" if path.stat().st_size else ""),
            hint="Apply it with --load-review, or name another file.",
        )
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        for one in found:
            writer.writerow({name: getattr(one, name) for name in _COLUMNS if name != "verdict"})


def read_reviews(paths: Sequence[Path]) -> dict[Pair, Verdict]:
    """What people wrote into review files; of a pair that several decided, all must say the same.

    Raises:
        ConfigError: a file is no review, a verdict is neither yes nor no nor empty, or two people differ.
    """
    said: dict[Pair, tuple[Verdict, str]] = {}
    words: Mapping[str, Verdict] = {"yes": "yes", "y": "yes", "no": "no", "n": "no"}
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
        for number, row in enumerate(rows, 2):
            where = f"{path}, line {number}"
            if not {"verdict", "first_id", "second_id"} <= row.keys():
                raise ConfigError(f"{where}: no review", hint="Write one: kgsynth merge --review-file FILE.csv.")
            text = (row["verdict"] or "").strip().casefold()
            if not text:
                continue
            if text not in words:
                raise ConfigError(f"{where}: the verdict is {text!r}", hint="Write yes, no, or nothing.")
            first, second = sorted((str(row["first_id"] or "").strip(), str(row["second_id"] or "").strip()))
            if not first or first == second or first.partition(":")[0] != second.partition(":")[0]:
                raise ConfigError(
                    f"{where}: {first!r} and {second!r} are no pair that could be merged",
                    hint="first_id and second_id are ids of two terms of one kind, as --review-file wrote them.",
                )
            held = said.setdefault((first, second), (words[text], where))
            if held[0] != words[text]:
                raise ConfigError(
                    f"{where} says {words[text]} of {row['first_id']} and {row['second_id']}, {held[1]} says {held[0]}",
                    hint="Agree, or leave one of the two empty. Nothing was applied.",
                )
    return {pair: verdict for pair, (verdict, _) in said.items()}


def preview(
    graph: Graph, environment: Environment, settings: MergeSettings, verdicts: Mapping[Pair, Verdict]
) -> MergePlan:
    """What a merge would do once these verdicts are kept; changes nothing.

    Raises:
        ConfigError: they say, together with what was said before, that two terms are both the same and different.
    """
    yes = decisions.same_pairs(graph).difference(_of(verdicts, "no")) | set(_of(verdicts, "yes"))
    no = decisions.distinct_pairs(graph).difference(_of(verdicts, "yes")) | set(_of(verdicts, "no"))
    groups = Groups()
    for first, second in sorted(yes):
        groups.join(first, second)
    against = sorted(pair for pair in no if groups.of(pair[0]) == groups.of(pair[1]))
    if against:
        first, second = against[0]
        mates = [f"{a} = {b}" for a, b in sorted(yes) if groups.of(a) == groups.of(first)]
        raise ConfigError(
            f"{first} and {second} are different by one verdict and the same by others ({'; '.join(mates[:6])})",
            hint="Change one of them; nothing was applied.",
        )
    return plan_merge(graph, environment, settings, same=_of(verdicts, "yes"), distinct=_of(verdicts, "no"))


def apply_review(
    graph: Graph, environment: Environment, settings: MergeSettings, verdicts: Mapping[Pair, Verdict], report: Report
) -> MergePlan:
    """Keep verdicts for every later merge, and merge.

    Raises:
        GraphError: a pair is not of this graph; nothing was changed.
    """
    decisions.record(graph, same=_of(verdicts, "yes"), distinct=_of(verdicts, "no"))
    return merge(graph, environment, settings, dry_run=False, report=report)


def _of(verdicts: Mapping[Pair, Verdict], wanted: Verdict) -> list[Pair]:
    return [pair for pair, verdict in verdicts.items() if verdict == wanted]
