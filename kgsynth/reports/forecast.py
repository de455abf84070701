"""Measurements from finished runs per level: units, questions, tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kgsynth.errors import ConfigError
from kgsynth.run_folder import RunFolder, find_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Measurements of one level: units, kept questions, and tokens per question and per answer."""

    level: int
    units: int
    questions: int
    question_tokens: float
    answer_tokens: float
    answered: float  # share of the questions that got an answer

    @property
    def questions_each(self) -> float:
        """Kept questions per unit."""
        return self.questions / self.units if self.units else 0.0


def measure_runs(path: Path) -> list[Measured]:
    """Measure the finished runs in a folder, per level.

    Tokens are those of the model of the answers; its number of characters per token also serves for the questions.

    Raises:
        ConfigError: the folder contains no questions, or no answers to them.
    """
    folders = [one for one in find_runs(path) if not one.is_part]
    asked = [one for one in folders if one.stage in ("level1", "level2", "level3")]
    answered = [one for one in folders if one.stage == "answer"]
    if not asked or not answered:
        raise ConfigError(
            f"{path} holds no {'answers' if asked else 'questions'}",
            hint="Process a few documents and combinations up to their answers first, so that lengths can be measured.",
        )
    characters, by_level = _characters(answered)
    tokens = sum(_total(one, "vote_tokens") for one in answered)
    texts = sum(_total(one, "votes") for one in answered)
    kept = sum(by_level.values())
    # A retry reads the questions of its run again, so its units are not counted.
    read = sum(_total(one, "units", retries=False) for one in answered)
    if not kept or not texts or not tokens:
        raise ConfigError(f"the answers below {path} were all rejected", hint="See their rejects for the reasons.")
    each = tokens / texts
    chars_each_token = characters / kept / each
    found = []
    lengths_of = {
        stage: [len(row["text"]) for one in asked if one.stage == stage for part in one.parts() for row in part.rows()]
        for stage in sorted({one.stage for one in asked})
    }
    every = sum(map(len, lengths_of.values()))
    for stage, lengths in lengths_of.items():
        own = [one for one in asked if one.stage == stage]
        level = int(stage.removeprefix("level"))
        found.append(
            Measured(
                level=level,
                # A retry repeats units of its run, so its units are not counted.
                units=sum(_total(one, "units", retries=False) for one in own),
                questions=len(lengths),
                question_tokens=sum(lengths) / max(1, len(lengths)) / chars_each_token,
                answer_tokens=each,
                # The questions read for answers are assumed to have the same shares of levels as all questions.
                answered=min(1.0, by_level.get(level, 0) / max(1.0, read * len(lengths) / max(1, every))),
            )
        )
    return found


def _total(folder: RunFolder, name: str, *, retries: bool = True) -> int:
    return sum(
        int(part.counted()["totals"].get(name, 0))
        for part in folder.parts()
        if retries or "retry_of" not in part.inputs
    )


def _characters(folders: Sequence[RunFolder]) -> tuple[int, dict[int, int]]:
    """The number of characters of all kept answers, and the number of kept answers per level."""
    total = 0
    counts: dict[int, int] = {}
    for folder in folders:
        for part in folder.parts():
            for row in part.rows():
                total += len(row["answer"])
                counts[row["level"]] = counts.get(row["level"], 0) + 1
    return total, counts
