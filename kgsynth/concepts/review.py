"""Write doubtful pairs of names to CSV files for reviewers, and read the verdicts."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kgsynth.errors import ConfigError, quoted
from kgsynth.files import atomic
from kgsynth.texts import without_formula

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
    "evidence",
    "judged",
    "first_id",
    "second_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A doubtful pair for a reviewer: names, the decision of the rules, a sentence that uses each name, and evidence.

    `evidence` is the sentence of a document that declares the two names the same, if there is one. `judged` is the
    probability of a language model's verdict that both have the same meaning; None for a pair that was not judged.
    """

    first_id: str
    second_id: str
    first: str
    second: str
    decided: str
    cosine: float
    doubt: float
    first_sentence: str
    second_sentence: str
    evidence: str = ""
    judged: float | None = None

    @property
    def pair(self) -> Pair:
        """The ids, smaller first."""
        return self.first_id, self.second_id


def write_review(path: Path, found: Iterable[Case]) -> None:
    """Write cases to a CSV file with an empty column `verdict`, which reviewers fill in with yes or no.

    Raises:
        ConfigError: the file exists and has verdicts or is no review file.
    """
    if path.exists() and (path.stat().st_size == 0 or read_reviews([path])):
        raise ConfigError(
            f"{path} exists already" + (" and holds verdicts" if path.stat().st_size else ""),
            hint="Apply it with --load-review, or give another file.",
        )
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        for case in found:
            values = {name: getattr(case, name) for name in _COLUMNS if name != "verdict"}
            # An id begins with the kind of its term.
            writer.writerow(
                {name: without_formula(value) if isinstance(value, str) else value for name, value in values.items()}
            )


def read_reviews(paths: Sequence[Path]) -> dict[Pair, Verdict]:
    """Read the verdicts of review files; reviewers must agree on pairs that several of them decided.

    Raises:
        ConfigError: a file is no review file, a verdict is neither yes nor no nor empty, or two verdicts differ.
    """
    verdicts: dict[Pair, tuple[Verdict, str]] = {}
    verdict_of: Mapping[str, Verdict] = {"yes": "yes", "y": "yes", "no": "no", "n": "no"}
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = file.readline()
                file.seek(0)
                # Spreadsheets write semicolons where a comma is the decimal sign.
                reader = csv.DictReader(file, delimiter=max(",;\t", key=header.count))
                columns = set(reader.fieldnames or ())
                rows = [(reader.line_num, row) for row in reader]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(
                f"{path} cannot be read: {error}", hint="Save it as a CSV file in UTF-8, as --review-file wrote it."
            ) from error
        if not {"verdict", "first_id", "second_id"} <= columns:
            raise ConfigError(
                f"{path} has no columns verdict, first_id and second_id: not a review file",
                hint="Create one with: kgsynth merge --review-file FILE.csv.",
            )
        for number, row in rows:
            where = f"{path}, line {number}"
            text = (row["verdict"] or "").strip().casefold()
            if not text:
                continue
            if text not in verdict_of:
                raise ConfigError(f"{where}: the verdict is {quoted(text)}", hint="Write yes, no, or nothing.")
            first, second = sorted((str(row["first_id"] or "").strip(), str(row["second_id"] or "").strip()))
            if not first or first == second or first.partition(":")[0] != second.partition(":")[0]:
                raise ConfigError(
                    f"{where}: {quoted(first)} and {quoted(second)} cannot be merged",
                    hint="first_id and second_id are ids of two terms of one kind, as --review-file wrote them.",
                )
            existing = verdicts.setdefault((first, second), (verdict_of[text], where))
            if existing[0] != verdict_of[text]:
                raise ConfigError(
                    f"{where} says {verdict_of[text]} of {row['first_id']} and {row['second_id']}, "
                    f"{existing[1]} says {existing[0]}",
                    hint="Make the verdicts equal, or clear one of them. Nothing was applied.",
                )
    return {pair: verdict for pair, (verdict, _) in verdicts.items()}
