"""What a run will give, from what earlier runs measured and what the graph can still supply."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgsynth.errors import ConfigError
from kgsynth.graph import derived, facts
from kgsynth.graph.session import Graph
from kgsynth.pipeline.walks import start_topics
from kgsynth.runs import RunFolder, find_runs
from kgsynth.walks import cypher_engine
from kgsynth.walks.combinations import combination_id
from kgsynth.walks.law import Starts
from kgsynth.walks.supply import Supply, supply

_MIN_CONCEPTS = 2
_BATCH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What finished runs measured of one level: units, questions kept, and tokens of a question and of an answer."""

    level: int
    units: int
    questions: int
    question_tokens: float
    answer_tokens: float
    answered: float  # share of the questions that got an answer

    @property
    def questions_each(self) -> float:
        """Kept questions a unit."""
        return self.questions / self.units if self.units else 0.0


def measured(path: Path) -> list[Measured]:
    """What the finished runs below a folder say of each level.

    A token is what the model of the answers counted: its characters a token measure the questions too.

    Raises:
        ConfigError: there are no questions below the folder, or no answers to them.
    """
    folders = [one for one in find_runs(path) if not one.is_part]
    asked = [one for one in folders if one.stage in ("level1", "level2", "level3")]
    answered = [one for one in folders if one.stage == "answer"]
    if not asked or not answered:
        raise ConfigError(
            f"{path} holds no {'answers' if asked else 'questions'}",
            hint="Run a few documents and combinations to the answers first, to measure lengths.",
        )
    characters, by_level = _characters(answered)
    tokens = sum(_total(one, "vote_tokens") for one in answered)
    texts = sum(_total(one, "votes") for one in answered)
    kept = sum(by_level.values())
    # A retry asks the questions of its run once more.
    read = sum(_total(one, "units", retries=False) for one in answered)
    if not kept or not texts or not tokens:
        raise ConfigError(f"the answers below {path} were all rejected", hint="Look at their rejects.")
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
                # A retry asks for units of its run once more.
                units=sum(_total(one, "units", retries=False) for one in own),
                questions=len(lengths),
                question_tokens=sum(lengths) / max(1, len(lengths)) / chars_each_token,
                answer_tokens=each,
                # What was read for answers has the levels in the shares of the questions.
                answered=min(1.0, by_level.get(level, 0) / max(1.0, read * len(lengths) / max(1, every))),
            )
        )
    return found


def plan(graph: Graph, levels: Sequence[Measured], *, epochs: int, walks: int, seed: int) -> dict[str, Any]:
    """What all documents and some epochs of walks will give.

    Args:
        graph: with derived layers that are complete.
        levels: what was measured.
        epochs: walks from every topic.
        walks: drawn to see how often combinations repeat.
        seed: of these walks.

    Returns:
        levels (level, units, questions, tokens), the sum of tokens, and the supply of combinations.

    Raises:
        GraphError: the graph is not built or has no topic.
    """
    derived.fingerprint(graph)
    topics = start_topics(graph)
    found = supply(_combinations(graph, topics, walks=walks, seed=seed))
    combinations = found.expected(epochs * len(topics))
    documents = facts.counts(graph)["documents"]
    rows = []
    for one in levels:
        units = combinations if one.level == 3 else documents
        questions = units * one.questions_each * one.answered
        rows.append(
            {
                "level": one.level,
                "units": units,
                "questions_each": one.questions_each,
                "answered": one.answered,
                "questions": questions,
                "tokens_each": one.question_tokens + one.answer_tokens,
                "tokens": questions * (one.question_tokens + one.answer_tokens),
            }
        )
    return {
        "topics": len(topics),
        "documents": documents,
        "epochs": epochs,
        "combinations": combinations,
        "levels": rows,
        "tokens": sum(row["tokens"] for row in rows),
        "supply": found,
    }


def supply_row(found: Supply) -> dict[str, Any]:
    """A supply as JSON values; an alpha that is infinite is None."""
    return {
        "walks": found.walks,
        "different": found.different,
        "new_chance": found.new_chance,
        "half_repeat_after_at_least": None if found.alpha == float("inf") else found.alpha,
    }


def _combinations(graph: Graph, topics: Sequence[str], *, walks: int, seed: int) -> Iterator[str]:
    for walk in cypher_engine.walks(
        graph, Starts(seed, list(topics)), seed=seed, batch_size=_BATCH, sessions=1, limit=walks, weights=None
    ):
        if len({term for term in walk.path if term.startswith("concept:")}) >= _MIN_CONCEPTS:
            yield combination_id(walk.path)


def _total(folder: RunFolder, name: str, *, retries: bool = True) -> int:
    return sum(
        int(part.counted()["totals"].get(name, 0))
        for part in folder.parts()
        if retries or "retry_of" not in part.inputs
    )


def _characters(folders: Sequence[RunFolder]) -> tuple[int, dict[int, int]]:
    """Characters of all kept answers, and how many there are of each level."""
    total = 0
    counts: dict[int, int] = {}
    for folder in folders:
        for part in folder.parts():
            for row in part.rows():
                total += len(row["answer"])
                counts[row["level"]] = counts.get(row["level"], 0) + 1
    return total, counts
