"""Measure finished runs per level: units, questions and tokens."""

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

    Tokens are counted by the model that answers; its number of characters per token is also used for the questions.

    Raises:
        ConfigError: the folder contains no questions, or no answers to them.
    """
    folders = [folder for folder in find_runs(path) if not folder.is_part]
    asked = [folder for folder in folders if folder.stage in ("level1", "level2", "level3")]
    answered = [folder for folder in folders if folder.stage == "answer"]
    if not asked or not answered:
        raise ConfigError(
            f"{path} contains no {'answers' if asked else 'questions'}",
            hint="Process a few documents and combinations up to their answers first, so that lengths can be measured.",
        )
    characters, by_level = _characters(answered)
    tokens = sum(_total(folder, "vote_tokens") for folder in answered)
    votes = sum(_total(folder, "votes") for folder in answered)
    kept_answers = sum(by_level.values())
    # A retry reads the questions of its run again, so its units are not counted.
    read_units = sum(_total(folder, "units", retries=False) for folder in answered)
    if not kept_answers or not votes or not tokens:
        raise ConfigError(f"all answers below {path} were rejected", hint="See their rejects for the reasons.")
    tokens_per_answer = tokens / votes
    chars_per_token = characters / kept_answers / tokens_per_answer
    measurements = []
    lengths_of = {
        stage: [
            len(row["text"])
            for folder in asked
            if folder.stage == stage
            for part in folder.parts()
            for row in part.rows()
        ]
        for stage in sorted({folder.stage for folder in asked})
    }
    question_count = sum(map(len, lengths_of.values()))
    for stage, lengths in lengths_of.items():
        stage_folders = [folder for folder in asked if folder.stage == stage]
        level = int(stage.removeprefix("level"))
        measurements.append(
            Measured(
                level=level,
                # A retry repeats units of its run, so its units are not counted.
                units=sum(_total(folder, "units", retries=False) for folder in stage_folders),
                questions=len(lengths),
                question_tokens=sum(lengths) / max(1, len(lengths)) / chars_per_token,
                answer_tokens=tokens_per_answer,
                # The questions read for answers are assumed to have the same shares of levels as all questions.
                answered=min(
                    1.0, by_level.get(level, 0) / max(1.0, read_units * len(lengths) / max(1, question_count))
                ),
            )
        )
    return measurements


def _total(folder: RunFolder, name: str, *, retries: bool = True) -> int:
    return sum(
        int(part.counted()["totals"].get(name, 0))
        for part in folder.parts()
        if retries or "retry_of" not in part.inputs
    )


def _characters(folders: Sequence[RunFolder]) -> tuple[int, dict[int, int]]:
    """Return the number of characters of all kept answers, and the number of kept answers per level."""
    total = 0
    counts: dict[int, int] = {}
    for folder in folders:
        for part in folder.parts():
            for row in part.rows():
                total += len(row["answer"])
                counts[row["level"]] = counts.get(row["level"], 0) + 1
    return total, counts
