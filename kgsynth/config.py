"""Settings: one frozen dataclass a stage, one TOML file for a run, and the environment.

Defaults exist here and nowhere else. Order: defaults < file < `--set section.key=value`. Only this module reads the
environment, and only for places, the Neo4j address and secrets; secrets are never printed.
"""

import codecs
import difflib
import json
import os
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from kgsynth.addresses import HIDDEN, credentials_of, is_secret_name, with_marks, without_secrets
from kgsynth.errors import ConfigError

EmbedderName = Literal["auto", "onnx", "sentence-transformers"]
ExtractMethod = Literal["vocabulary", "keyphrases", "llm"]
BackendName = Literal["vllm", "server", "scripted"]
ExecutorName = Literal["local", "ray"]
SystemRole = Literal["system", "developer", "user"]
ChosenBy = Literal["seed", "model"]
SplitMethod = Literal["auto", "none", "sections", "pages", "words"]
RunUntil = Literal["filter", "combinations", "questions", "answers", "curated", "dataset"]
ExportFormat = Literal["datasets", "jsonl", "parquet", "alpaca", "sharegpt", "messages", "preference"]
Reasoning = Literal["drop", "field", "inline"]


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise ConfigError(message)


# Codecs of Python that are no encodings of the text of files.
_NO_ENCODINGS = frozenset({"undefined", "idna", "punycode", "unicode-escape", "raw-unicode-escape"})


def text_encoding(name: str) -> str:
    """The name that Python gives an encoding of text, such as `cp1252` for `windows-1252`.

    Raises:
        ConfigError: there is no such encoding of text.
    """
    message = f"there is no encoding {name!r}"
    hint = "Common ones: utf-8, cp1252, utf-16."
    try:
        found = codecs.lookup(name).name
        "".encode(found)
    except (LookupError, ValueError) as error:
        raise ConfigError(message, hint=hint) from error
    if found.replace("_", "-") in _NO_ENCODINGS:
        raise ConfigError(message, hint=hint)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldNames:
    """Which field of a source holds what, and how its text is encoded; the defaults fit most corpora."""

    id_field: str = "id"
    text_field: str = "text"
    title_field: str = "title"
    topics_field: str = "topics"
    concepts_field: str = "concepts"
    synonyms_field: str = "synonyms"
    kind_field: str = "kind"
    source_field: str = "source"
    license_field: str = "license"
    attribution_field: str = "attribution"
    first_field: str = "first"
    second_field: str = "second"
    count_field: str = "count"
    encoding: str = ""  # of text files; empty: by byte-order mark, as UTF-8, as declared, else by a guess that is said
    delimiter: str = ""  # of CSV files; empty: found


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings:
    """Which managed graph a run uses; ignored when NEO4J_URI selects a server of the user's own."""

    name: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsSettings(FieldNames):
    """Where documents come from."""

    loader: str = "auto"
    sources: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()  # files of concept annotations; with them nothing is extracted
    # Long documents become parts. Of PlanetMath's 2,914 entries five are longer than this: tables, and one whole book.
    split: SplitMethod = "auto"
    whole_words: int = 8000  # for split "auto": shorter documents stay whole
    part_words: int = 1500  # of a part at most
    readers: int = 0  # worker processes that read files; 0: one for each core
    file_timeout_s: float = 300.0  # a reader that gives nothing for so long is ended
    file_memory_mb: int = 4096  # for the reader of one file
    min_words: int = 0
    # A record larger than this is almost always a broken file; the largest PlanetMath entry has 50 kB.
    max_text_chars: int = 2_000_000
    # The run stops when more than this share of the records is rejected.
    max_rejected_share: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _require(
            0 <= self.max_rejected_share <= 1, f"documents.max_rejected_share is {self.max_rejected_share}: give 0 to 1"
        )
        _require(self.min_words >= 0, f"documents.min_words is {self.min_words}: give 0 or more")
        _require(self.whole_words >= 0, f"documents.whole_words is {self.whole_words}: give 0 or more")
        _require(self.part_words >= 50, f"documents.part_words is {self.part_words}: give 50 or more")
        _require(self.readers >= 0, f"documents.readers is {self.readers}: give 0 or more")
        _require(self.file_timeout_s > 0, f"documents.file_timeout_s is {self.file_timeout_s}: give more than 0")
        _require(self.file_memory_mb >= 512, f"documents.file_memory_mb is {self.file_memory_mb}: give 512 or more")
        _require(self.max_text_chars > 0, f"documents.max_text_chars is {self.max_text_chars}: give 1 or more")
        if self.encoding:
            text_encoding(self.encoding)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Where `kgsynth run` begins and how far it goes."""

    filter: bool = False  # first keep the documents of a domain, as [filter] says
    until: RunUntil = "dataset"

    def __post_init__(self) -> None:
        """Check that something is to be done."""
        _require(
            self.filter or self.until != "filter",
            "run.until is 'filter' but run.filter is false: there is nothing to do",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSettings:
    """How a language model is asked, for all stages that ask one; each stage may set its own.

    What the bundled small model needs (forms, short limits, a penalty on repetition) is the default for it alone: a
    field that is None here takes its value from `SMALL_MODEL_DEFAULTS` or `MODEL_DEFAULTS`.
    """

    seed: int | None = None  # None: that of the sample or of the questions
    backend: BackendName = "vllm"
    executor: ExecutorName = "local"
    model: str = ""  # a folder, a Hugging Face id or a served name; empty: SmolLM2-135M, for trying the plumbing
    url: tuple[str, ...] = ()  # of OpenAI-compatible servers that share the load, for backend "server"
    domain: str = ""  # a domain of the package or a folder of prompt templates; required
    temperature: float = 0.7
    top_p: float = 0.95
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    stop: tuple[str, ...] = ()  # a text ends before any of these
    max_output_tokens: int | None = None
    context_tokens: int | None = None
    thinking: bool | None = None  # None: as the model's chat template has it
    system: str = ""  # text at the head of every system turn
    system_role: SystemRole = "system"  # "user": system texts stand at the head of the first user turn
    constrained: bool | None = None  # force the form of answers by a grammar; None: for the small model alone
    request: Mapping[str, Any] = field(default_factory=dict)  # fields of the request to add, rename or remove; headers
    engine: Mapping[str, Any] = field(default_factory=dict)  # options of the engine, given to vLLM as they are
    shard_size: int = 1000
    concurrency: int = 256  # requests in flight at most, for backend "server"
    timeout_s: float = 900.0  # for one answer; 8,000 tokens at 10 a second take 800 s
    tries: int = 5  # of one request, for backend "server"
    first_wait_s: float = 1.0  # before the second try; doubled for each further one
    max_rejected_share: float = 0.9

    def __post_init__(self) -> None:
        """Check ranges."""
        self.check("backend")

    @property
    def is_small_model(self) -> bool:
        """Whether the model that comes with kgsynth is asked."""
        return self.backend == "vllm" and not self.model

    def check(self, section: str) -> None:
        """Fill in what depends on the model, and check ranges, naming the section.

        Raises:
            ConfigError: a value is out of its range.
        """
        by_section = SMALL_MODEL_DEFAULTS if self.is_small_model else MODEL_DEFAULTS
        defaults = {**by_section[""], **by_section.get(section, {})}
        if self.max_output_tokens is not None and not self.is_small_model:
            # Who wants long answers wants prompts beside them.
            defaults["context_tokens"] = max(defaults["context_tokens"], self.max_output_tokens + _LEAST_PROMPT_TOKENS)
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        assert self.max_output_tokens is not None
        assert self.context_tokens is not None
        _require(self.seed is None or 0 <= self.seed < 2**63, f"{section}.seed is {self.seed}: give 0 to 2**63 - 1")
        _require(self.temperature >= 0, f"{section}.temperature is {self.temperature}: give 0 or more")
        _require(0 < self.top_p <= 1, f"{section}.top_p is {self.top_p}: give more than 0, up to 1")
        _require(self.top_k is None or self.top_k >= 1, f"{section}.top_k is {self.top_k}: give 1 or more")
        _require(self.min_p is None or 0 <= self.min_p <= 1, f"{section}.min_p is {self.min_p}: give 0 to 1")
        _require(
            self.repetition_penalty is None or self.repetition_penalty > 0,
            f"{section}.repetition_penalty is {self.repetition_penalty}: give more than 0",
        )
        for name in ("presence_penalty", "frequency_penalty"):
            _require(-2 <= getattr(self, name) <= 2, f"{section}.{name} is {getattr(self, name)}: give -2 to 2")
        _require(
            self.max_output_tokens >= 16, f"{section}.max_output_tokens is {self.max_output_tokens}: give 16 or more"
        )
        _require(
            self.context_tokens > self.max_output_tokens,
            f"{section}.context_tokens ({self.context_tokens}) must exceed {section}.max_output_tokens "
            f"({self.max_output_tokens}): prompt and answer share the context",
        )
        for name in ("shard_size", "concurrency", "tries"):
            _require(getattr(self, name) >= 1, f"{section}.{name} is {getattr(self, name)}: give 1 or more")
        _require(self.timeout_s > 0, f"{section}.timeout_s is {self.timeout_s}: give more than 0")
        _require(self.first_wait_s >= 0, f"{section}.first_wait_s is {self.first_wait_s}: give 0 or more")
        _require(
            0 <= self.max_rejected_share <= 1,
            f"{section}.max_rejected_share is {self.max_rejected_share}: give 0 to 1",
        )
        _check_request(section, self.request)
        for url in self.url:
            _check_address(section, url)

    def check_url(self, section: str) -> None:
        """Check that a server has an address; a section that others inherit from may leave it to them.

        Raises:
            ConfigError: it has none.
        """
        _require(
            self.backend != "server" or bool(self.url),
            f"{section}.backend is 'server' but {section}.url is empty: give the server's address",
        )

    @property
    def output_tokens(self) -> int:
        """Tokens of one answer at most."""
        assert self.max_output_tokens is not None
        return self.max_output_tokens

    @property
    def prompt_tokens(self) -> int:
        """Tokens of a prompt at most."""
        assert self.context_tokens is not None
        return self.context_tokens - self.output_tokens


# By section, "" for all that do not say otherwise. The small model answers in some hundred tokens or not at all, and
# loops without the penalty (EXPERIMENTS.md); a penalty spoils code and formulas of stronger ones. Up to 5 topics of 20
# concepts take 1,000 tokens; a solution with its thoughts takes thousands.
SMALL_MODEL_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "": {"max_output_tokens": 512, "context_tokens": 4096, "repetition_penalty": 1.1},
    "extract": {"max_output_tokens": 1024},
    "answer": {"max_output_tokens": 1024},
    "filter": {"max_output_tokens": 128},
    "syllabus": {"max_output_tokens": 700},
}
MODEL_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "": {"max_output_tokens": 2048, "context_tokens": 8192},
    "answer": {"max_output_tokens": 4096},
}
_LEAST_PROMPT_TOKENS = 4096
# Keys of `request` that are no fields of the request.
_REQUEST_TABLES = ("headers", "rename")


def _check_request(section: str, request: Mapping[str, Any]) -> None:
    for table in _REQUEST_TABLES:
        held = request.get(table, {})
        # What is wrong with it is not shown: it may be a secret.
        _require(
            isinstance(held, Mapping) and all(isinstance(value, (str, int)) for value in held.values()),
            f"{section}.request.{table} is no table of strings",
        )


def _check_address(section: str, url: str) -> None:
    shown = without_secrets(url)
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    _require(
        is_whole,
        f"{section}.url is {shown!r}: give an address such as http://127.0.0.1:8000 or https://host.example/v1",
    )


# How a stage is run, not what it writes: another value makes no other run.
UNDECISIVE = ("url", "executor", "concurrency", "timeout_s", "tries", "first_wait_s", "max_rejected_share")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractSettings(BackendSettings):
    """How concepts are found in documents; the keys of the backend are for method "llm"."""

    method: ExtractMethod = "vocabulary"
    # A list of names wants the likely ones, not variety.
    temperature: float = 0.3
    vocabulary: str = ""  # a concept list; empty: what the corpus declares itself
    # A term of more than this share of the documents names the field, not a concept in it (PlanetMath at 0.1 loses
    # "number", "integer", "function", "prime" and the like; EXPERIMENTS.md).
    max_document_share: float = 0.1
    # A phrase in fewer documents makes no co-occurrence that a walk could use.
    min_document_count: int = 2
    # Best phrases kept: of the documentation of SymPy, SciPy and NetworkX plain phrases become common after so many.
    max_phrases: int = 2500
    stop_words: str = ""  # a file of further words that no key phrase may hold

    def __post_init__(self) -> None:
        """Check ranges."""
        self.check("extract")
        self.check_url("extract")
        _require(
            0 < self.max_document_share <= 1,
            f"extract.max_document_share is {self.max_document_share}: give more than 0, up to 1",
        )
        _require(
            self.min_document_count >= 1, f"extract.min_document_count is {self.min_document_count}: give 1 or more"
        )
        _require(self.max_phrases >= 1, f"extract.max_phrases is {self.max_phrases}: give 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettings(BackendSettings):
    """Which documents are of a domain; the keys of the backend are for the model that rates."""

    # A rating is three numbers: no variety is wanted.
    temperature: float = 0.0
    positives: tuple[str, ...] = ()  # examples of the domain, read as the corpus is; none: written from a syllabus
    # The cold start's model; auto: the one that ranks unseen examples best. Of ratings auto takes the forest.
    method: Literal["auto", "forest", "linear", "centroid"] = "auto"
    recall: float = 0.85  # of the domain, expected over the cold start's cut, at least
    precision: float = 0.98  # where so much is expected, the cut goes lower
    rounds: int = 2  # of rating; 0: the cold start decides
    negatives: int = 2000  # drawn from the corpus for the cold start
    rated: int = 400  # documents a round, half of the selection, half of a fresh draw
    # How three ratings become one: a text that is clear and of another subject has a good mean.
    score: Literal["min", "mean", "relevance"] = "min"
    min_score: float = 6.5  # as in the paper
    min_words: int = 3  # short texts are judged by what they say
    language: str = "en"
    near_duplicates: bool = True  # drop what is nearly equal to an earlier document
    window_words: int = 80  # about as much as the embedder looks at
    windows: int = 6  # of a document

    def __post_init__(self) -> None:
        """Check ranges."""
        self.check("filter")
        self.check_url("filter")
        for name, least in (("negatives", 2), ("rated", 2), ("window_words", 1), ("windows", 1)):
            _require(getattr(self, name) >= least, f"filter.{name} is {getattr(self, name)}: give {least} or more")
        for name in ("rounds", "min_words"):
            _require(getattr(self, name) >= 0, f"filter.{name} is {getattr(self, name)}: give 0 or more")
        for name in ("recall", "precision"):
            _require(0 < getattr(self, name) <= 1, f"filter.{name} is {getattr(self, name)}: give more than 0, up to 1")
        _require(1 <= self.min_score <= 10, f"filter.min_score is {self.min_score}: give 1 to 10")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyllabusSettings(BackendSettings):
    """How examples of a domain are written where the user has none: four texts on each item of each discipline."""

    temperature: float = 0.8
    disciplines: int = 8
    items: int = 10

    def __post_init__(self) -> None:
        """Check ranges."""
        self.check("syllabus")
        self.check_url("syllabus")
        for name in ("disciplines", "items"):
            _require(getattr(self, name) >= 1, f"syllabus.{name} is {getattr(self, name)}: give 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeSettings:
    """How near-duplicate terms are found and decided."""

    embedder: EmbedderName = "auto"
    executor: ExecutorName = "local"  # "ray" embeds on the machines and GPUs of a Ray cluster
    # Candidates: the nearest names by cosine. The lexical decision looks at each, so this costs time, not precision.
    neighbours: int = 20
    min_cosine: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        _require(1 <= self.neighbours <= 1000, f"merge.neighbours is {self.neighbours}: give 1 to 1000")
        _require(-1 <= self.min_cosine <= 1, f"merge.min_cosine is {self.min_cosine}: give -1 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """How combinations are drawn."""

    seed: int | None = None
    combinations: int | None = None
    epochs: int | None = None  # how often to start from every topic; 5, as in the paper, when no amount is given
    start: str = ""
    within: str = ""
    favour: Literal["", "unused"] = ""  # concepts and pairs that earlier combinations have not used
    earlier: tuple[str, ...] = ()  # files of combinations; none: those that the graph holds
    # Both give the same walks; auto takes the compiled one, where it is installed, for amounts that pay its tables.
    engine: Literal["auto", "cypher", "compiled"] = "auto"
    # 2,000 walks a query is near the flat part of the rate (EXPERIMENTS.md) and keeps answers small.
    batch_size: int = 2000
    sessions: int = 1
    # A question combines 2 or 3 concepts.
    min_concepts: int = 2
    grounding_documents: int = 2

    def __post_init__(self) -> None:
        """Check ranges and that exactly one amount is given when any is."""
        _require(self.seed is None or 0 <= self.seed < 2**63, f"sample.seed is {self.seed}: give 0 to 2**63 - 1")
        _require(
            self.combinations is None or self.combinations >= 1,
            f"sample.combinations is {self.combinations}: give 1 or more",
        )
        _require(self.epochs is None or self.epochs >= 1, f"sample.epochs is {self.epochs}: give 1 or more")
        _require(
            self.combinations is None or self.epochs is None,
            "sample.combinations and sample.epochs exclude each other: give one",
        )
        _require(self.favour in ("", "unused"), f"sample.favour is {self.favour!r}: give unused, or leave it out")
        _require(
            not self.earlier or self.favour == "unused", "sample.earlier is of use with sample.favour = 'unused' alone"
        )
        _require(self.batch_size >= 1, f"sample.batch_size is {self.batch_size}: give 1 or more")
        _require(1 <= self.sessions <= 64, f"sample.sessions is {self.sessions}: give 1 to 64")
        _require(self.min_concepts >= 1, f"sample.min_concepts is {self.min_concepts}: give 1 or more")
        _require(
            0 <= self.grounding_documents <= 20,
            f"sample.grounding_documents is {self.grounding_documents}: give 0 to 20",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateSettings(BackendSettings):
    """How questions are written."""

    levels: tuple[int, ...] = (3,)  # of `kgsynth run`; the command takes one with --level
    combinations: int | None = None  # level 3: use the first N combinations only
    documents: int | None = None  # levels 1 and 2: draw N documents by seed instead of all
    max_questions: int | None = None  # a unit; None: the paper's, 5 a document and 3 a combination
    chosen_by: ChosenBy = "seed"  # level 2: who chooses the concepts of a question
    # Levels 2 and 3: given concepts that a question must name. A model of 1.5 billion parameters names one alone in a
    # quarter of its readable questions, though it is asked for two or three (EXPERIMENTS.md).
    min_concepts: int = 1
    filters: bool = True  # refuse questions that repeat themselves, speak of a text that is not there and the like

    def __post_init__(self) -> None:
        """Check ranges."""
        self.check("generate")
        self.check_url("generate")
        _require(
            bool(self.levels) and set(self.levels) <= {1, 2, 3} and len(set(self.levels)) == len(self.levels),
            f"generate.levels is {list(self.levels)}: give some of 1, 2, 3, each once",
        )
        _require(
            self.max_questions is None or 1 <= self.max_questions <= 20,
            f"generate.max_questions is {self.max_questions}: give 1 to 20",
        )
        _require(0 <= self.min_concepts <= 3, f"generate.min_concepts is {self.min_concepts}: give 0 to 3")
        for name in ("combinations", "documents"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"generate.{name} is {value}: give 1 or more")

    def questions_of(self, level: int) -> int:
        """Questions asked for, a unit of a level.

        Source: arXiv 2503.19551 takes 5 a document and 3 a combination.
        """
        return self.max_questions if self.max_questions is not None else (3 if level == 3 else 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings(BackendSettings):
    """How questions are answered and the answers verified."""

    votes: int = 1  # texts a question; the majority of their final answers is kept
    min_agreement: float = 0.0  # least share of the votes that must agree
    judge: bool = False  # ask a model to check the answer that is kept
    judge_model: str = ""  # another model of the same server; empty: the same
    filters: bool = True  # refuse answers that repeat themselves, hold template tokens and the like

    def __post_init__(self) -> None:
        """Check ranges."""
        self.check("answer")
        self.check_url("answer")
        _require(1 <= self.votes <= 1000, f"answer.votes is {self.votes}: give 1 to 1000")
        _require(0 <= self.min_agreement <= 1, f"answer.min_agreement is {self.min_agreement}: give 0 to 1")
        _require(
            not self.judge_model or self.backend == "server",
            "answer.judge_model names a model of a server: it needs backend 'server'",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurateSettings:
    """Which questions are good enough to train on."""

    # "Find 2^32+1 mod 641." is a question that people asked.
    min_question_chars: int = 20
    max_question_chars: int = 4000
    min_answer_chars: int = 1
    max_answer_chars: int = 100_000  # answers of 8,000 tokens have some 30,000
    language: str = "en"  # ISO 639-1; empty: any
    # Two questions are near duplicates when so much of their word triples is shared.
    min_jaccard: float = 0.8
    min_cosine: float = 0.0  # by embedding too, 0 for not at all; .95 is a start
    # Near duplicates with other numbers, signs, opposite words or final answers are other problems.
    keep_variants: bool = True
    benchmarks: tuple[str, ...] = ()  # files that training data must not hold
    benchmark_field: str = ""  # their field with the question; empty: found by its usual names
    # Share of a benchmark question's word runs that stand in a question of ours.
    min_overlap: float = 0.5
    review_cosine: float = 0.0  # benchmark questions this near by embedding go to a review list; 0 for none
    filters: bool = True
    max_rejected_share: float = 0.95

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("min_jaccard", "min_overlap"):
            value = getattr(self, name)
            _require(0 < value <= 1, f"curate.{name} is {value}: give more than 0, up to 1")
        for name in ("min_cosine", "review_cosine", "max_rejected_share"):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"curate.{name} is {value}: give 0 to 1")
        for name in ("min_question_chars", "min_answer_chars"):
            value, most = getattr(self, name), getattr(self, name.replace("min", "max"))
            _require(0 <= value <= most, f"curate.{name} is {value}: give 0 to {most}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """What a training set looks like on disk."""

    format: ExportFormat = "datasets"
    validation_share: float = 0.0
    system: str = ""  # first turn of every conversation; empty: none
    reasoning: Reasoning = "drop"  # what becomes of a model's thoughts: left out, a field, or <think> before the answer
    with_passages: bool = False  # the text that a question was grounded in, with its licence
    name: str = ""  # of the dataset in its card; empty: that of the folder
    rows_per_file: int = 100_000

    def __post_init__(self) -> None:
        """Check ranges."""
        _require(
            0 <= self.validation_share < 1, f"export.validation_share is {self.validation_share}: give 0 to below 1"
        )
        _require(self.rows_per_file >= 1, f"export.rows_per_file is {self.rows_per_file}: give 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """The whole path from documents to a training set.

    What [backend] sets holds for extract, generate and answer; for filter and syllabus too, but for the sampling.
    """

    run: RunSettings = field(default_factory=RunSettings)
    graph: GraphSettings = field(default_factory=GraphSettings)
    documents: DocumentsSettings = field(default_factory=DocumentsSettings)
    filter: FilterSettings = field(default_factory=FilterSettings)
    syllabus: SyllabusSettings = field(default_factory=SyllabusSettings)
    extract: ExtractSettings = field(default_factory=ExtractSettings)
    merge: MergeSettings = field(default_factory=MergeSettings)
    sample: SampleSettings = field(default_factory=SampleSettings)
    backend: BackendSettings = field(default_factory=BackendSettings)
    generate: GenerateSettings = field(default_factory=GenerateSettings)
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    curate: CurateSettings = field(default_factory=CurateSettings)
    export: ExportSettings = field(default_factory=ExportSettings)

    def __post_init__(self) -> None:
        """Check what two sections say together."""
        _require(
            not (self.run.filter and self.documents.annotations),
            "run.filter and documents.annotations exclude each other: annotations would bring back what is dropped",
        )


def public_value(name: str, value: Any) -> Any:
    """The value of a setting as it may be written and printed: plain, addresses and headers without their secrets."""
    if name == "url":
        return [with_marks(one) for one in value]
    if name in ("request", "engine") and isinstance(value, Mapping):
        return _without_secret_values(value, hides_all=False)
    return list(value) if isinstance(value, tuple) else value


def _without_secret_values(table: Mapping[str, Any], *, hides_all: bool) -> dict[str, Any]:
    """A table with the values of headers, and of keys that name secrets, hidden."""
    return {
        key: _without_secret_values(value, hides_all=hides_all or key == "headers")
        if isinstance(value, Mapping)
        else HIDDEN
        if hides_all or (is_secret_name(key) and isinstance(value, str))
        else value
        for key, value in table.items()
    }


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        held = ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items())
        return f"{{ {held} }}" if held else "{}"
    # TOML has no null; `request` takes the word for it.
    return json.dumps("null" if value is None else value, ensure_ascii=False, default=str)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A configuration with, for each key, where its value came from."""

    config: RunConfig
    origins: Mapping[str, str]

    def lines(self) -> list[str]:
        """`section.key = value   # origin`, one a key, as TOML that can be read again."""
        lines: list[str] = []
        for section in fields(self.config):
            lines.append(f"[{section.name}]")
            settings = getattr(self.config, section.name)
            for item in fields(settings):
                value = getattr(settings, item.name)
                shown = _toml(public_value(item.name, value))
                origin = self.origins.get(f"{section.name}.{item.name}", "default")
                lines.append(
                    f"# {item.name} is not set   # {origin}" if value is None else f"{item.name} = {shown}   # {origin}"
                )
            lines.append("")
        return lines

    def to_row(self) -> dict[str, dict[str, Any]]:
        """The values as plain data, for manifests."""
        return {
            section.name: {
                item.name: public_value(item.name, getattr(settings, item.name)) for item in fields(settings)
            }
            for section in fields(self.config)
            for settings in [getattr(self.config, section.name)]
        }


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"


def _shown(where: str, value: object) -> str:
    """A wrong value as an error may show it: an address and a request may hold secrets."""
    return "something else" if where.endswith((".url", ".request", ".engine")) else repr(value)


# Lists that a string alone may stand for.
_ONE_OR_SEVERAL = frozenset({"url", "stop"})


def _checked(where: str, value: object, wanted: Any) -> object:
    """`value` as the annotated type `wanted`.

    Raises:
        ConfigError: it is not of that type.
    """
    origin = get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return _checked(where, value, next(part for part in get_args(wanted) if part is not type(None)))
    if origin is Literal:
        _require(
            value in get_args(wanted), f"{where} is {value!r}: give one of {', '.join(map(str, get_args(wanted)))}"
        )
        return value
    if origin is not None and issubclass(origin, Mapping):
        _require(isinstance(value, Mapping), f"{where} is {_shown(where, value)}: give a table of keys and values")
        return value
    if origin is tuple:
        part = get_args(wanted)[0]
        if isinstance(value, str) and where.rpartition(".")[2] in _ONE_OR_SEVERAL:
            value = [value]
        ok = isinstance(value, list) and all(type(one) is part for one in value)
        shown = _shown(where, value)
        _require(ok, f"{where} is {shown}: give a list of {'whole numbers' if part is int else 'strings'}")
        return tuple(typing.cast("list[object]", value))
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _require(type(value) is wanted, f"{where} is {value!r}: give a value of type {wanted.__name__}")
    return value


def section_from(section: str, values: Mapping[str, object], kind: type[Any]) -> Any:
    """One settings dataclass from plain values.

    Raises:
        ConfigError: an unknown key (the nearest known one is named), a wrong type or a value out of range.
    """
    _require(isinstance(values, Mapping), f"[{section}] is not a table")
    hints = typing.get_type_hints(kind)
    known = [item.name for item in fields(kind)]
    for key in values:
        _require(key in known, f"unknown key {section}.{key}: {_nearest(key, known)}")
    return kind(**{key: _checked(f"{section}.{key}", value, hints[key]) for key, value in values.items()})


def _parse_override(text: str) -> tuple[str, str, object]:
    key, equals, value = text.partition("=")
    section, dot, name = key.strip().partition(".")
    _require(bool(equals and dot and name), f"--set {text!r}: write it as section.key=value")
    return section, name, plain_value(value)


def plain_value(text: str) -> Any:
    """The value of a TOML or JSON text, or the text itself when it is neither."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def merged(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, those inside them too; where both have a value, that of the second."""
    both = {
        key: merged(outer[key], value) if isinstance(value, Mapping) and isinstance(outer.get(key), Mapping) else value
        for key, value in inner.items()
    }
    return {**outer, **both}


def set_in(table: dict[str, Any], name: str, value: object) -> None:
    """Set a value in a table; dots in the name lead to tables inside it."""
    *path, last = name.split(".")
    for part in path:
        inner = table.get(part)
        table[part] = table = dict(inner) if isinstance(inner, Mapping) else {}
    table[last] = value


# Sections that inherit from [backend], and what they do not: ratings want no variety, examples are texts of their own.
SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty"),
    *("stop", "max_output_tokens"),
)
_ASKING: Mapping[str, tuple[str, ...]] = {
    "extract": (),
    "generate": (),
    "answer": (),
    "filter": SAMPLING,
    "syllabus": SAMPLING,
}


def resolve(text: str = "", *, origin: str = "file", overrides: Sequence[str] = ()) -> Resolved:
    """A run's configuration from the text of a TOML file and `--set` options.

    Args:
        text: TOML; empty for defaults alone.
        origin: what the origin of the file's values is called.
        overrides: `section.key=value`, the value in TOML or, failing that, a bare string.

    Raises:
        ConfigError: not TOML, unknown section or key, wrong type, value out of range.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not TOML: {error}") from error
    sections = typing.get_type_hints(RunConfig)
    origins: dict[str, str] = {}
    for section, values in raw.items():
        _require(section in sections, f"unknown section [{section}] in {origin}: {_nearest(section, list(sections))}")
        _require(isinstance(values, dict), f"{section} in {origin} is not a table: write [{section}]")
        origins |= {f"{section}.{key}": origin for key in values}
    for override in overrides:
        section, name, value = _parse_override(override)
        _require(section in sections, f"--set {section}.…: unknown section, {_nearest(section, list(sections))}")
        set_in(raw.setdefault(section, {}), name, value)
        origins[f"{section}.{name.partition('.')[0]}"] = "--set"
    inherited = raw.get("backend", {})
    section_from("backend", inherited, BackendSettings)
    for section, own in _ASKING.items():
        for key, value in inherited.items():
            held = raw.setdefault(section, {})
            if key not in held and key not in own:
                held[key] = value
                origins[f"{section}.{key}"] = "backend"
            elif isinstance(value, dict) and isinstance(held.get(key), dict):
                held[key] = merged(value, held[key])
    built = {name: section_from(name, raw.get(name, {}), kind) for name, kind in sections.items()}
    return Resolved(RunConfig(**built), origins)


def resolve_file(path: Path, overrides: Sequence[str] = ()) -> Resolved:
    """As `resolve`, from a file; relative paths in it are relative to the folder you are in.

    Raises:
        ConfigError: the file cannot be read, or as in `resolve`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    return resolve(text, origin=str(path), overrides=overrides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the environment says: where kgsynth keeps things, and whose Neo4j is used.

    `home` is KGSYNTH_HOME, else XDG_DATA_HOME/kgsynth, else ~/.local/share/kgsynth.
    """

    home: Path
    java_home: str = ""
    search_path: str = ""
    maven_url: str = ""
    neo4j_version: str = ""  # of managed graphs that are made from now on; empty for the default
    neo4j_uri: str = ""
    neo4j_username: str = "neo4j"
    neo4j_password: str = field(default="", repr=False)
    neo4j_database: str = "neo4j"
    api_key: str = field(default="", repr=False)
    certificates: str = ""  # a file of certificate authorities that the system trusts

    @property
    def jars(self) -> Path:
        """The store of jars that all graphs share."""
        return self.home / "jars"

    @property
    def walk_tables(self) -> Path:
        """Walk tables as arrays, a folder a build."""
        return self.home / "walks"

    @property
    def graphs(self) -> Path:
        """The folder with one home a managed graph."""
        return self.home / "graphs"

    @property
    def models(self) -> Path:
        """Converted models."""
        return self.home / "models"

    @property
    def tombstones(self) -> Path:
        """The documents that `kgsynth forget` took out."""
        return self.home / "forgotten.jsonl"

    @property
    def embeddings(self) -> Path:
        """Embeddings by content hash."""
        return self.home / "embeddings.sqlite"


# As OpenSSL, requests and curl call it.
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def environment(values: Mapping[str, str] | None = None) -> Environment:
    """Read the environment, once, at the edge.

    Args:
        values: instead of the process's own environment, for tests.
    """
    values = os.environ if values is None else values
    # User and password in the address count as those of the variables, and the address is kept without them.
    username, password = credentials_of(values.get("NEO4J_URI", ""))
    data_home = values.get("XDG_DATA_HOME") or str(Path(values.get("HOME") or Path.home()) / ".local" / "share")
    return Environment(
        home=Path(values.get("KGSYNTH_HOME") or Path(data_home) / "kgsynth").absolute(),
        java_home=values.get("KGSYNTH_JAVA_HOME") or values.get("JAVA_HOME", ""),
        search_path=values.get("PATH", ""),
        maven_url=values.get("KGSYNTH_MAVEN_URL", ""),
        neo4j_version=values.get("KGSYNTH_NEO4J", ""),
        neo4j_uri=without_secrets(values.get("NEO4J_URI", "")),
        neo4j_username=values.get("NEO4J_USERNAME") or username or "neo4j",
        neo4j_password=values.get("NEO4J_PASSWORD") or password,
        neo4j_database=values.get("NEO4J_DATABASE", "neo4j"),
        api_key=values.get("OPENAI_API_KEY", ""),
        certificates=next((values[name] for name in _CERTIFICATES if values.get(name)), ""),
    )


def process_environment(**extra: str) -> dict[str, str]:
    """A copy of the process's environment with `extra` set, for child processes."""
    return {**os.environ, **extra}


def set_threads(count: int) -> None:
    """How many threads torch takes in this process, when it is imported after this."""
    os.environ["OMP_NUM_THREADS"] = str(count)


def ray_address() -> str:
    """The Ray cluster to join; `local` for one of this process alone."""
    return os.environ.get("RAY_ADDRESS") or "local"


def set_defaults(values: Mapping[str, str]) -> None:
    """Set environment variables that a library reads at import, unless the user has set them."""
    for name, value in values.items():
        os.environ.setdefault(name, value)
