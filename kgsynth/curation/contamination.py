r"""Decontamination: questions of ours that stand, openly or in disguise, in a benchmark that models are tested with.

Three looks, from sure to doubtful. *Equal*: the same after white space, LaTeX dressing, numbers and names of variables
are folded. *Overlap*: enough of the benchmark question's word runs stand in ours, whatever their order. *Embedding*:
near in meaning, which is for a person to review and removes nothing.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError

# The names under which benchmarks keep their questions: GSM8K, OlympiadBench and Gaokao say question, MATH and Minerva
# problem, others what follows.
_FIELDS = ("question", "problem", "problem_text", "prompt", "input", "query", "instruction", "text")
RUN_TOKENS = 5
# A question of fewer runs is found by equality alone: "What is the value of x?" stands everywhere.
MIN_RUNS = 8
_MAX_HITS = 20
_DRESSING = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|limits|bigl?|bigr?|Bigl?|Bigr?|quad|qquad|,|;|!|:|>| )(?![a-zA-Z])"
    r"|\\(?:text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|textbf|textit|emph|boldsymbol|rm|bf)(?![a-zA-Z])"
    r"|\\begin\{[^}]*\}|\\end\{[^}]*\}|[${}~&]|\\[\[\]()]|\\\\"
)
_SAME = {
    r"\dfrac": r"\frac",
    r"\tfrac": r"\frac",
    r"\times": "*",
    r"\cdot": "*",
    "·": "*",
    "×": "*",
    r"\leq": "<=",
    r"\leqslant": "<=",
    r"\le": "<=",
    "≤": "<=",
    r"\geq": ">=",
    r"\geqslant": ">=",
    r"\ge": ">=",
    "≥": ">=",
    r"\neq": "!=",
    r"\ne": "!=",
    "≠": "!=",
    r"\ldots": "...",
    r"\dots": "...",
    r"\cdots": "...",
    "…": "...",
    "−": "-",
    "–": "-",
    r"\colon": ":",
}
_TOKEN = re.compile(r"\\[a-zA-Z]+|[^\W\d_]+|\d+(?:[.,]\d+)*|\.\.\.|<=|>=|!=|[+\-*/^=<>|!%…−–·×≤≥≠]")
# One letter, or a Greek one, is a variable; a and I are words.
_GREEK = frozenset(
    "\\alpha \\beta \\gamma \\delta \\epsilon \\varepsilon \\zeta \\eta \\theta \\vartheta \\iota \\kappa "
    "\\lambda \\mu \\nu \\xi \\pi \\rho \\sigma \\tau \\upsilon \\phi \\varphi \\chi \\psi \\omega \\ell".split()
)
_WORDS_OF_ONE_LETTER = frozenset("ai")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkQuestion:
    """A question that models are tested with: file, row from 1, text."""

    file: str
    row: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A benchmark question found in a text: how, how surely (share of runs, or cosine), and the longest common run."""

    benchmark: BenchmarkQuestion
    method: str
    share: float
    matching_text: str


def read_benchmark(path: Path, *, field: str = "") -> Iterator[BenchmarkQuestion]:
    """The questions of a benchmark file: JSONL, JSON (a list, or one problem a file), CSV or Parquet; or a folder.

    Args:
        path: file, or a folder that is searched for such files, as MATH keeps its problems.
        field: name of the field with the question; empty: the first of the usual names.

    Raises:
        ConfigError: it cannot be read, or a row has no such field.
    """
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix in (".jsonl", ".json", ".csv", ".parquet"))
        if not files:
            raise ConfigError(f"{path} holds no .jsonl, .json, .csv or .parquet file")
        for one in files:
            yield from read_benchmark(one, field=field)
        return
    try:
        for number, row in enumerate(_rows(path), 1):
            yield BenchmarkQuestion(file=str(path), row=number, text=_question(row, field, f"{path}, row {number}"))
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise ConfigError(f"benchmark {path} cannot be read: {error}") from error


def tokens(text: str) -> list[str]:
    """Words, numbers, variables and signs of a text, the dressing of LaTeX taken off."""
    # A command without its space is another command: \cdot x, not \cdotx.
    bare = _DRESSING.sub(" ", text)
    return [
        _SAME.get(token, token.casefold() if not token.startswith("\\") else token) for token in _TOKEN.findall(bare)
    ]


def is_variable(token: str) -> bool:
    """Whether a token names a variable."""
    return token in _GREEK or (len(token) == 1 and token.isalpha() and token not in _WORDS_OF_ONE_LETTER)


def folded(text: str) -> tuple[str, ...]:
    """The form of equality: numbers are `0`, variables named by the order in which they come."""
    names: dict[str, str] = {}
    return tuple(
        "0" if token[0].isdigit() else (names.setdefault(token, f"v{len(names)}") if is_variable(token) else token)
        for token in tokens(text)
    )


def runs(text: str) -> list[tuple[str, ...]]:
    """Runs of five tokens in which all variables and all numbers are the same, so that renaming changes none.

    A run of formula alone keeps its own: `v^0+v` stands in every other formula and says nothing.
    """
    own = tokens(text)
    alike = _alike(own)
    found = []
    for first in range(len(own) - RUN_TOKENS + 1):
        run = tuple(alike[first : first + RUN_TOKENS])
        has_word = any(len(token) > 1 and token.isalpha() for token in run)
        found.append(run if has_word else tuple(own[first : first + RUN_TOKENS]))
    return found


def _alike(found: Sequence[str]) -> list[str]:
    return ["0" if token[0].isdigit() else ("v" if is_variable(token) else token) for token in found]


class Benchmark:
    """An index of benchmark questions."""

    def __init__(self, questions: Sequence[BenchmarkQuestion], *, min_overlap: float) -> None:
        """Index them.

        Args:
            questions: of all files.
            min_overlap: least share of a question's runs that makes a hit, in (0, 1].
        """
        self.questions, self._min_overlap = list(questions), min_overlap
        self._equal: dict[tuple[str, ...], list[int]] = {}
        self._holders: dict[tuple[str, ...], list[int]] = {}
        self._run_counts: list[int] = []
        for place, question in enumerate(self.questions):
            self._equal.setdefault(folded(question.text), []).append(place)
            own = set(runs(question.text))
            self._run_counts.append(len(own))
            for run in own:
                self._holders.setdefault(run, []).append(place)

    def find(self, text: str) -> list[Hit]:
        """The benchmark questions that stand in a text, the surest first; each is named once, and 20 at most.

        A benchmark that was written from a template holds hundreds that are equal once numbers are folded.
        """
        equal = self._equal.get(folded(text), [])
        met: dict[int, int] = {}
        for run in set(runs(text)):
            for place in self._holders.get(run, ()):
                met[place] = met.get(place, 0) + 1
        shares = {
            place: count / self._run_counts[place]
            for place, count in met.items()
            if self._run_counts[place] >= MIN_RUNS and place not in equal
        }
        over = sorted((-share, place) for place, share in shares.items() if share >= self._min_overlap)
        found = [(place, "equal", 1.0) for place in equal] + [(place, "overlap", -negative) for negative, place in over]
        return [self._hit(place, method, share, text) for place, method, share in found[:_MAX_HITS]]

    def _hit(self, place: int, method: str, share: float, text: str) -> Hit:
        question = self.questions[place]
        return Hit(benchmark=question, method=method, share=share, matching_text=longest_common(question.text, text))


def longest_common(first: str, second: str) -> str:
    """The longest run of tokens that two texts share when variables and numbers are folded, as the second has it."""
    from difflib import SequenceMatcher

    one, other = tokens(first), tokens(second)
    match = SequenceMatcher(None, _alike(one), _alike(other), autojunk=False).find_longest_match()
    return " ".join(other[match.b : match.b + match.size])


class Review:
    """Benchmark questions near in meaning, for a person to look at."""

    def __init__(
        self,
        questions: Sequence[BenchmarkQuestion],
        *,
        embed: Callable[[Sequence[str]], NDArray[np.float32]],
        min_cosine: float,
    ) -> None:
        """Embed the benchmark.

        Args:
            questions: of all files.
            embed: texts to float32 (texts, dimensions), rows of unit length.
            min_cosine: least cosine of a pair that is listed.
        """
        self._questions, self._embed, self._min_cosine = list(questions), embed, min_cosine
        self._vectors = embed([one.text for one in questions]) if questions else np.empty((0, 1), np.float32)

    def near(self, texts: Sequence[str]) -> list[Hit | None]:
        """For each text the nearest benchmark question, None when it is not near enough."""
        if not self._questions or not texts:
            return [None] * len(texts)
        cosines = self._embed(texts) @ self._vectors.T
        best = cosines.argmax(axis=1)
        return [
            Hit(
                benchmark=self._questions[place],
                method="embedding",
                share=float(cosines[row, place]),
                matching_text=longest_common(self._questions[place].text, texts[row]),
            )
            if cosines[row, place] >= self._min_cosine
            else None
            for row, place in enumerate(best)
        ]


def _rows(path: Path) -> Iterator[Any]:
    if path.suffix == ".parquet":
        import pyarrow.parquet

        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(1000):
            yield from batch.to_pylist()
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    elif path.suffix in (".jsonl", ".ndjson"):
        with path.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.strip())
    elif path.suffix == ".json":
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict) and not any(isinstance(value.get(name), str) for name in _FIELDS):
            # {"example": […]} as Gaokao-Bench has it, or {id: problem} as champ has it.
            lists = [one for one in value.values() if isinstance(one, list)]
            value = lists[0] if lists else list(value.values())
        yield from value if isinstance(value, list) else [value]
    else:
        raise ConfigError(f"benchmark {path}: give a .jsonl, .json, .csv or .parquet file, or a folder of them")


def _question(row: Any, field: str, where: str) -> str:
    if isinstance(row, str) and not field:
        return row
    if not isinstance(row, dict):
        raise ConfigError(f"{where} is no object with fields")
    name = field or next((one for one in _FIELDS if isinstance(row.get(one), str)), "")
    if not name or not isinstance(row.get(name), str):
        raise ConfigError(
            f"{where} has no text in field {field!r}" if field else f"{where} has none of {', '.join(_FIELDS)}",
            hint=f"Its fields are {', '.join(map(str, row))[:300]}: name the one with the question "
            "(--benchmark-field).",
        )
    return str(row[name])
