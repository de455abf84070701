r"""Decontamination: find generated questions that occur, literally or reworded, in a benchmark for language models.

There are three checks, in order of certainty. *Equal*: identical after normalizing white space, LaTeX markup and, where
the domain of the question says so, numbers and names of variables. *Overlap*: the question contains enough of the
benchmark question's n-grams, in any order. *Embedding*: similar in meaning; these questions are listed for review and
not removed.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgsynth.errors import ConfigError, quoted

# Fields in which benchmarks store their questions: `question` in GSM8K, OlympiadBench and Gaokao, `problem` in MATH and
# Minerva, the rest in others.
_FIELDS = ("question", "problem", "problem_text", "prompt", "input", "query", "instruction", "text")
RUN_TOKENS = 5
# Questions with fewer n-grams are found only if equal: "What is the value of x?" occurs everywhere.
MIN_RUNS = 8
_MAX_HITS = 20
_MARKUP = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|limits|bigl?|bigr?|Bigl?|Bigr?|quad|qquad|,|;|!|:|>| )(?![a-zA-Z])"
    r"|\\(?:text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|textbf|textit|emph|boldsymbol|rm|bf)(?![a-zA-Z])"
    r"|\\begin\{[^}]*\}|\\end\{[^}]*\}|[${}~&]|\\[\[\]()]|\\\\"
)
_UNIFIED = {
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
# Single letters and Greek letters are variables; a and I are words.
_GREEK = frozenset(
    "\\alpha \\beta \\gamma \\delta \\epsilon \\varepsilon \\zeta \\eta \\theta \\vartheta \\iota \\kappa "
    "\\lambda \\mu \\nu \\xi \\pi \\rho \\sigma \\tau \\upsilon \\phi \\varphi \\chi \\psi \\omega \\ell".split()
)
_WORDS_OF_ONE_LETTER = frozenset("ai")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkQuestion:
    """A question of a benchmark: its file, its row counted from 1, and its text."""

    file: str
    row: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A benchmark question found in a text: method, share of n-grams (or cosine), and longest common token sequence."""

    benchmark: BenchmarkQuestion
    method: str
    share: float
    matching_text: str


def read_benchmark(path: Path, *, field: str = "") -> Iterator[BenchmarkQuestion]:
    """Yield the questions of a benchmark: JSONL, JSON (a list, or one problem per file), CSV, Parquet, or a folder.

    Args:
        path: a file, or a folder that is searched for such files, as for MATH.
        field: name of the field with the question; empty: the first of the usual names.

    Raises:
        ConfigError: the file cannot be read, or a row lacks the field.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".jsonl", ".json", ".csv", ".parquet"))
        if not files:
            raise ConfigError(f"{path} contains no .jsonl, .json, .csv or .parquet file")
        for file in files:
            yield from read_benchmark(file, field=field)
        return
    try:
        for number, row in enumerate(_rows(path), 1):
            yield BenchmarkQuestion(file=str(path), row=number, text=_question(row, field, f"{path}, row {number}"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError, csv.Error) as error:
        raise ConfigError(f"benchmark {path} cannot be read: {error}") from error


def tokens(text: str) -> list[str]:
    """Return words, numbers, variables and symbols of a text without its LaTeX markup."""
    # Markup becomes a space, since \cdot x without its space would be another command.
    bare = _MARKUP.sub(" ", text)
    return [
        _UNIFIED.get(token, token.casefold() if not token.startswith("\\") else token) for token in _TOKEN.findall(bare)
    ]


def is_variable(token: str) -> bool:
    """Whether a token names a variable."""
    return token in _GREEK or (len(token) == 1 and token.isalpha() and token not in _WORDS_OF_ONE_LETTER)


def folded(text: str, *, folds_numbers: bool = True) -> tuple[str, ...]:
    """Return the tokens for the check of equality.

    Args:
        text: a question.
        folds_numbers: whether numbers become `0`, and variables are numbered by first occurrence.
    """
    if not folds_numbers:
        return tuple(tokens(text))
    names: dict[str, str] = {}
    return tuple(
        "0" if token[0].isdigit() else (names.setdefault(token, f"v{len(names)}") if is_variable(token) else token)
        for token in tokens(text)
    )


def runs(text: str, *, folds_numbers: bool = True) -> list[tuple[str, ...]]:
    """Return the 5-grams of a text's tokens.

    A 5-gram without a word keeps its variables and numbers: `v^0+v` would occur in too many formulas.

    Args:
        text: a question.
        folds_numbers: whether all variables and all numbers are equal, so that renaming has no effect.
    """
    exact = tokens(text)
    normalized = _normalized(exact) if folds_numbers else exact
    ngrams = []
    for first in range(len(exact) - RUN_TOKENS + 1):
        ngram = tuple(normalized[first : first + RUN_TOKENS])
        has_word = any(len(token) > 1 and token.isalpha() for token in ngram)
        ngrams.append(ngram if has_word else tuple(exact[first : first + RUN_TOKENS]))
    return ngrams


def _normalized(exact: Sequence[str]) -> list[str]:
    return ["0" if token[0].isdigit() else ("v" if is_variable(token) else token) for token in exact]


class Benchmark:
    """An index of benchmark questions."""

    def __init__(
        self, questions: Sequence[BenchmarkQuestion], *, min_overlap: float, folds_numbers: bool = True
    ) -> None:
        """Build the index.

        Args:
            questions: questions of all benchmark files.
            min_overlap: minimum share of a benchmark question's n-grams for a hit, in (0, 1].
            folds_numbers: whether a question with other numbers and names of variables is the same question.
        """
        self.questions, self._min_overlap = list(questions), min_overlap
        self._folded = partial(folded, folds_numbers=folds_numbers)
        self._runs = partial(runs, folds_numbers=folds_numbers)
        self._equal: dict[tuple[str, ...], list[int]] = {}
        self._postings: dict[tuple[str, ...], list[int]] = {}
        self._ngram_counts: list[int] = []
        for index, question in enumerate(self.questions):
            self._equal.setdefault(self._folded(question.text), []).append(index)
            ngrams = set(self._runs(question.text))
            self._ngram_counts.append(len(ngrams))
            for ngram in ngrams:
                self._postings.setdefault(ngram, []).append(index)

    def find(self, text: str) -> list[Hit]:
        """Return at most 20 benchmark questions that a text contains, the most certain first, each once.

        The limit matters for benchmarks from templates, where hundreds of questions are equal after normalization.
        """
        equal = self._equal.get(self._folded(text), [])
        shared_counts: dict[int, int] = {}
        for ngram in set(self._runs(text)):
            for index in self._postings.get(ngram, ()):
                shared_counts[index] = shared_counts.get(index, 0) + 1
        shares = {
            index: count / self._ngram_counts[index]
            for index, count in shared_counts.items()
            if self._ngram_counts[index] >= MIN_RUNS and index not in equal
        }
        overlapping = sorted((-share, index) for index, share in shares.items() if share >= self._min_overlap)
        hits = [(index, "equal", 1.0) for index in equal]
        hits += [(index, "overlap", -negative) for negative, index in overlapping]
        return [self._hit(index, method, share, text) for index, method, share in hits[:_MAX_HITS]]

    def _hit(self, index: int, method: str, share: float, text: str) -> Hit:
        question = self.questions[index]
        return Hit(benchmark=question, method=method, share=share, matching_text=longest_common(question.text, text))


def longest_common(first: str, second: str) -> str:
    """Return the longest common token sequence of two texts up to variables and numbers, as the second text has it."""
    from difflib import SequenceMatcher

    first_tokens, second_tokens = tokens(first), tokens(second)
    match = SequenceMatcher(
        None, _normalized(first_tokens), _normalized(second_tokens), autojunk=False
    ).find_longest_match()
    return " ".join(second_tokens[match.b : match.b + match.size])


class Review:
    """Finds benchmark questions that are similar in meaning, for review by a person."""

    def __init__(
        self,
        questions: Sequence[BenchmarkQuestion],
        *,
        embed: Callable[[Sequence[str]], NDArray[np.float32]],
        min_cosine: float,
    ) -> None:
        """Embed the benchmark.

        Args:
            questions: questions of all benchmark files.
            embed: maps texts to float32 (texts, dimensions) with rows of unit length.
            min_cosine: minimum cosine of a listed pair.
        """
        self._questions, self._embed, self._min_cosine = list(questions), embed, min_cosine
        self._vectors = embed([question.text for question in questions]) if questions else np.empty((0, 1), np.float32)

    def near(self, texts: Sequence[str]) -> list[Hit | None]:
        """Return for each text the nearest benchmark question, or None if its cosine is too low."""
        if not self._questions or not texts:
            return [None] * len(texts)
        cosines = self._embed(texts) @ self._vectors.T
        best = cosines.argmax(axis=1)
        return [
            Hit(
                benchmark=self._questions[index],
                method="embedding",
                share=float(cosines[row, index]),
                matching_text=longest_common(self._questions[index].text, texts[row]),
            )
            if cosines[row, index] >= self._min_cosine
            else None
            for row, index in enumerate(best)
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
            # {"example": […]} as in Gaokao-Bench, or {id: problem} as in CHAMP.
            lists = [item for item in value.values() if isinstance(item, list)]
            value = lists[0] if lists else list(value.values())
        yield from value if isinstance(value, list) else [value]
    else:
        raise ConfigError(f"benchmark {path}: give a .jsonl, .json, .csv or .parquet file, or a folder of them")


def _question(row: Any, field: str, where: str) -> str:
    if isinstance(row, str) and not field:
        return row
    if not isinstance(row, dict):
        raise ConfigError(f"{where} is not an object with fields")
    name = field or next((candidate for candidate in _FIELDS if isinstance(row.get(candidate), str)), "")
    if not name or not isinstance(row.get(name), str):
        raise ConfigError(
            f"{where} has no text in field {quoted(field)}" if field else f"{where} has none of {', '.join(_FIELDS)}",
            hint="Give the field with the question: --benchmark-field NAME. "
            f"The fields are {', '.join(map(str, row))[:300]}.",
        )
    return str(row[name])
