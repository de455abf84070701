"""How often the filters refuse what people wrote, by length, and how many of the labelled loops are found.

    python -m tests.benchmarks.filters_on_people

PlanetMath and the texts of eleven other fields, where they are there, count as answers; so do the solutions of
champ-dataset (MIT), whose problems count as questions.
"""

import gzip
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kgsynth import question_form, scripts
from kgsynth.curation import filters
from kgsynth.faults import (
    has_control_characters,
    has_entities,
    has_template_tokens,
    loops,
    refuses,
    unbalanced_latex,
)
from kgsynth.records import AnsweredQuestion
from kgsynth.settings import CurateSettings
from kgsynth.texts import mentions_references

DATA = Path(__file__).parents[3] / "shared" / "data"
LOOPS = Path(__file__).parents[1] / "unit" / "loops.jsonl"
# Words from which on a text is of the next band.
BANDS = (50, 100, 200, 400, 800, 1600)
BAND_NAMES = ("<50", "50-100", "100-200", "200-400", "400-800", "800-1,600", ">1,600")
_SETTINGS = CurateSettings(min_question_chars=0, max_question_chars=10**9, max_answer_chars=10**9)

Filters = Mapping[str, Callable[[str], bool]]
OF_ALL: Filters = {
    "loops": loops,
    "unbalanced LaTeX": unbalanced_latex,
    "template tokens": has_template_tokens,
    "control characters": has_control_characters,
    "the model refuses": refuses,
    "undecoded entities": has_entities,
    "another language": lambda text: scripts.is_foreign(text, "en"),
}
OF_ANSWERS: Filters = {**OF_ALL, "all together": lambda text: bool(answer_problem(text))}
OF_QUESTIONS: Filters = {
    **OF_ALL,
    "mentions a text": mentions_references,
    "several questions": question_form.asks_several,
    "lacks information": question_form.lacks_information,
    "all together": lambda text: bool(filters.question_problem(AnsweredQuestion(id="q", text=text), _SETTINGS)),
}


class Labelled(NamedTuple):
    """A text of the small model, and whether it is a loop in the eyes of a person."""

    text: str
    loops: bool
    aside: bool


def answer_problem(text: str) -> str:
    """Why a text is refused as an answer."""
    return filters.answer_problem(AnsweredQuestion(id="q", text="", answer_id="a", answer=text), _SETTINGS)


def labelled() -> list[Labelled]:
    """The labelled texts; no threshold was chosen by those put aside."""
    lines = LOOPS.read_text(encoding="utf-8").splitlines()
    return [Labelled(**json.loads(line)) for line in lines]


def _archive(folder: str) -> list[str]:
    path = DATA / folder / "documents.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [json.loads(line)["text"] for line in lines]


def planetmath() -> list[str]:
    """The entries of PlanetMath; none where they are not there."""
    return _archive("planetmath")


def other_fields() -> list[str]:
    """Texts that are not mathematics; none where they are not there."""
    return _archive("background")


def champ() -> tuple[list[str], list[str]]:
    """The problems of champ, and their solutions."""
    import champ_dataset

    held = champ_dataset.load("v0").problems
    rows = list(held.values() if isinstance(held, dict) else held)
    return [row.text for row in rows], ["\n".join(step.text for step in row.solution.steps) for row in rows]


def refused(texts: Sequence[str], used: Filters) -> dict[str, list[float]]:
    """For each filter the share of the texts of each band that it refuses, then that of all; NaN for no texts."""
    bands: list[list[str]] = [[] for _ in BAND_NAMES]
    for text in texts:
        bands[bisect_right(BANDS, len(text.split()))].append(text)
    shares: dict[str, list[float]] = {}
    for name, is_refused in used.items():
        counts = [sum(map(is_refused, band)) for band in bands]
        shares[name] = [
            count / size if size else float("nan")
            for count, size in zip([*counts, sum(counts)], [*map(len, bands), len(texts)], strict=True)
        ]
    return shares


def loop_shares(found: Callable[[str], bool]) -> Iterator[tuple[str, int, float, int, float]]:
    """Of the labels worked on and of those put aside: loops, the share found, other texts, the share refused."""
    for name, aside in (("worked on", False), ("put aside", True)):
        rows = [row for row in labelled() if row.aside == aside]
        hits = {kind: [found(row.text) for row in rows if row.loops == kind] for kind in (True, False)}
        yield (
            name,
            len(hits[True]),
            sum(hits[True]) / len(hits[True]),
            len(hits[False]),
            sum(hits[False]) / len(hits[False]),
        )


def main() -> None:
    """Print the tables."""
    problems, solutions = champ()
    groups = {
        "PlanetMath, as answers": (planetmath(), OF_ANSWERS),
        "other fields, as answers": (other_fields(), OF_ANSWERS),
        "champ, problems": (problems, OF_QUESTIONS),
        "champ, solutions": (solutions, OF_ANSWERS),
    }
    for group, (texts, used) in groups.items():
        print(f"\n{group}: {len(texts):,} texts, % refused\n\n| filter | {' | '.join(BAND_NAMES)} | all |")
        print("|---|" + "---|" * (len(BAND_NAMES) + 1))
        for name, shares in refused(texts, used).items():
            cells = " | ".join("" if share != share else f"{100 * share:.1f}" for share in shares)
            print(f"| {name} | {cells} |")
    print("\n| labels | loops | % found | other texts | % refused |\n|---|---|---|---|---|")
    for name, loop_count, found, other_count, wrong in loop_shares(loops):
        print(f"| {name} | {loop_count} | {100 * found:.1f} | {other_count} | {100 * wrong:.1f} |")


if __name__ == "__main__":
    main()
