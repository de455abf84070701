"""The settings of each stage, declared once: type, default, range, help, and whether the setting decides the output.

Commands take their options from these declarations, `kgsynth.config` reads TOML into them, and `json_schema` describes
them for editors. A value that does not fit raises `ConfigError`.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefinedType

from kgsynth import plugins
from kgsynth.addresses import without_secrets
from kgsynth.errors import ConfigError, did_you_mean, quoted

EmbedderName = Literal["auto", "onnx", "sentence-transformers"]
ExtractMethod = Literal["vocabulary", "keyphrases", "llm"]
ExecutorName = Literal["local", "ray"]
SystemRole = Literal["system", "developer", "user"]
ChosenBy = Literal["seed", "model"]
SplitMethod = Literal["auto", "none", "sections", "pages", "words"]
SandboxName = Literal["auto", "bubblewrap", "landlock", "off"]
RunUntil = Literal["filter", "combinations", "questions", "answers", "curated", "dataset"]
UNTIL: tuple[RunUntil, ...] = get_args(RunUntil)
ExportFormat = Literal["datasets", "jsonl", "parquet", "alpaca", "sharegpt", "messages", "preference"]
ExportOrder = Literal["curated", "pass-rate", "agreement"]
Reasoning = Literal["drop", "field", "inline"]

BUILT_IN_BACKENDS = ("scripted", "server", "vllm")
_MAX_SEED = 2**63 - 1
# Values of these settings may hold secrets: an error does not show them.
_SECRET = ("url", "request", "engine")
# Codecs of Python that are no encodings of the text of files.
_NO_ENCODINGS = frozenset({"undefined", "idna", "punycode", "unicode-escape", "raw-unicode-escape"})


def setting(text: str, *, default: str = "", decides: bool = True, **limits: float) -> Any:
    """Describe a setting.

    Args:
        text: the help of its option; one sentence or two.
        default: the default in words, where the value alone does not say it.
        decides: whether another value gives another output; a run can be continued with other values of the rest.
        limits: `ge`, `gt`, `le` and `lt`, as in pydantic.
    """
    return Field(description=text, json_schema_extra={"default_text": default, "decides": decides}, **limits)  # type: ignore[call-overload]


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else _as_tuple(value)


def _names(value: object) -> object:
    """Split names at commas, so that `--verify math,units` gives two."""
    values = (value,) if isinstance(value, str) else value
    if isinstance(values, (list, tuple)) and all(isinstance(item, str) for item in values):
        names = tuple(name.strip() for item in values for name in item.split(",") if name.strip())
        # Commas alone are not "no names": as a name they are refused.
        return names if names or not any(values) else tuple(values)
    return value


# A list of TOML is a tuple here.
Strings = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Integers = Annotated[tuple[int, ...], BeforeValidator(_as_tuple)]
# A list for which one string may be given.
OneOrSeveral = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]

# Names, which may also stand in one string with commas.
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]

_REJECTED = setting("Stop when a larger share than this is rejected.", decides=False, ge=0, le=1)
_REQUIRED_SEED = setting(
    "Seed of all random choices, of the models and of generated texts (required).", ge=0, le=_MAX_SEED
)


_Class = TypeVar("_Class", bound=type)


@dataclass_transform(kw_only_default=True, frozen_default=True)
def _settings(cls: _Class) -> _Class:
    """Make a frozen pydantic dataclass whose constructor raises `ConfigError`."""
    made: Any = pydantic_dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))(cls)
    validate = made.__init__

    def __init__(self: Any, **values: Any) -> None:  # noqa: N807
        try:
            validate(self, **values)
        except ValidationError as error:
            raise ConfigError(_message(made, values, error)) from None

    made.__init__ = __init__
    return made  # type: ignore[no-any-return]


def settings_fields(kind: type[Any]) -> Mapping[str, FieldInfo]:
    """The declarations of a settings class by name, in order."""
    return kind.__pydantic_fields__  # type: ignore[no-any-return]


def limits_text(info: FieldInfo) -> str:
    """The range of a setting in words, such as `0 to 1`; empty where there is none."""
    limits = {
        name: getattr(item, name) for item in info.metadata for name in ("ge", "gt", "le", "lt") if hasattr(item, name)
    }
    low = f"{limits['ge']}" if "ge" in limits else f"more than {limits['gt']}" if "gt" in limits else ""
    if not low:
        return ""
    if "le" in limits:
        return f"{low} to {limits['le']}" if "ge" in limits else f"{low}, up to {limits['le']}"
    if "lt" in limits:
        return f"{low} to below {limits['lt']}"
    return f"{low} or more" if "ge" in limits else low


def plain_type(info: FieldInfo) -> Any:
    """The type of a setting without `None`."""
    wanted = info.annotation
    if get_origin(wanted) in (Union, UnionType):
        return next(part for part in get_args(wanted) if part is not NoneType)
    return wanted


def decides_output(info: FieldInfo) -> bool:
    """Whether another value of the setting gives another output."""
    return bool(_extra(info)["decides"])


def default_text(info: FieldInfo) -> str:
    """The default in words; empty where there is none to speak of."""
    if words := _extra(info)["default_text"]:
        return str(words)
    default = info.default
    if default in (None, "", ()) or isinstance(default, PydanticUndefinedType):
        return ""
    if isinstance(default, tuple):
        return str(list(default))
    return str(default).lower() if isinstance(default, bool) else str(default)


def _extra(info: FieldInfo) -> dict[str, Any]:
    assert isinstance(info.json_schema_extra, dict)
    return info.json_schema_extra


def nearest(name: str, known: Sequence[str]) -> str:
    """Which known name may be meant, as the end of an error message."""
    return did_you_mean(name, known).removeprefix(": ") or f"known: {', '.join(sorted(known))}"


def _message(kind: type[Any], values: Mapping[str, object], error: ValidationError) -> str:
    """The first error in words: the setting, its value, and what to give."""
    problem = error.errors(include_url=False)[0]
    name = str(problem["loc"][0])
    where = f"{kind.section}.{name}"
    declared = settings_fields(kind)
    if name not in declared:
        return f"unknown key {where}: {nearest(name, list(declared))}"
    info, wanted = declared[name], plain_type(declared[name])
    shown = "something else" if name in _SECRET else quoted(values[name])
    if problem["type"] == "literal_error":
        return f"{where} is {shown}: give one of {', '.join(map(str, get_args(wanted)))}"
    if problem["type"].startswith(("greater_than", "less_than", "finite_number")):
        return f"{where} is {shown}: give {limits_text(info)}"
    if get_origin(wanted) is tuple:
        members = "whole numbers" if get_args(wanted)[0] is int else "strings"
        return f"{where} is {shown}: give a list of {members}"
    if get_origin(wanted) is Mapping:
        return f"{where} is {shown}: give a table of keys and values"
    return f"{where} is {shown}: give a value of type {wanted.__name__}"


def require(ok: bool, message: str) -> None:
    """Raise `ConfigError` with the message unless the condition holds."""
    if not ok:
        raise ConfigError(message)


def text_encoding(name: str) -> str:
    """The name that Python gives an encoding of text, such as `cp1252` for `windows-1252`.

    Raises:
        ConfigError: there is no such encoding of text.
    """
    message = f"there is no encoding {quoted(name)}"
    hint = "Common ones: utf-8, cp1252, utf-16."
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)
    except (LookupError, ValueError) as error:
        raise ConfigError(message, hint=hint) from error
    if codec.replace("_", "-") in _NO_ENCODINGS:
        raise ConfigError(message, hint=hint)
    return codec


@_settings
class FieldNames:
    """Which field of a source holds what, and how its text is encoded; the defaults fit most corpora."""

    section: ClassVar[str] = "documents"

    id_field: Annotated[str, setting("Field with the id; without one, ids are hashes of the text.")] = "id"
    text_field: Annotated[str, setting("Field with the text.")] = "text"
    title_field: Annotated[str, setting("Field with the title.")] = "title"
    topics_field: Annotated[str, setting("Field with the topics: a list, or names with | or ; between.")] = "topics"
    concepts_field: Annotated[str, setting("Field with the concepts that the corpus declares.")] = "concepts"
    synonyms_field: Annotated[str, setting("Field with synonym pairs that the corpus declares.")] = "synonyms"
    kind_field: Annotated[str, setting("Field with the kind of entry (definition, proof, …).")] = "kind"
    source_field: Annotated[str, setting("Field with the source.")] = "source"
    license_field: Annotated[str, setting("Field with the licence.")] = "license"
    attribution_field: Annotated[str, setting("Field with the attribution: whom to credit.")] = "attribution"
    first_field: Annotated[str, setting("Column of --pairs with the first name.")] = "first"
    second_field: Annotated[str, setting("Column of --pairs with the second name.")] = "second"
    count_field: Annotated[str, setting("Column of --pairs with the count.")] = "count"
    encoding: Annotated[
        str,
        setting(
            "Encoding of text files.",
            default="by byte-order mark, as UTF-8, as declared, else by a guess that is reported",
        ),
    ] = ""
    delimiter: Annotated[str, setting("Delimiter of CSV files.", default="detected")] = ""


@_settings
class GraphSettings:
    """Which managed graph a run uses; ignored when NEO4J_URI selects a server of the user's own."""

    section: ClassVar[str] = "graph"

    name: Annotated[str, setting("Name of the graph.")] = "main"


@_settings
class DocumentsSettings(FieldNames):
    """Where documents come from."""

    loader: Annotated[
        str,
        setting(
            "How to read the sources; `kgsynth loaders` lists them. auto knows a file by its first bytes and its "
            "ending."
        ),
    ] = "auto"
    sources: Annotated[Strings, setting("Files, folders, patterns, archives, data sets of Hugging Face, or -.")] = ()
    annotations: Annotated[
        Strings, setting("Files of concept annotations for these documents; with them nothing is extracted.")
    ] = ()
    # Of PlanetMath's 2,914 entries five are longer than `whole_words`: tables, and one whole book.
    split: Annotated[
        SplitMethod,
        setting(
            "How long documents become parts: by headings, pages or words; auto takes the first of these that the "
            "document has, and leaves short documents whole."
        ),
    ] = "auto"
    whole_words: Annotated[int, setting("With --split auto: documents of up to this many words stay whole.", ge=0)] = (
        8000
    )
    part_words: Annotated[int, setting("Maximum number of words per part.", ge=50)] = 1500
    readers: Annotated[
        int, setting("Number of worker processes that read files.", default="one for each core", ge=0)
    ] = 0
    file_timeout_s: Annotated[
        float, setting("Give up on a file when its reader yields nothing for this many seconds.", gt=0)
    ] = 300.0
    file_memory_mb: Annotated[
        int, setting("Give up on a file when its reader needs more memory than this, in MiB.", ge=512)
    ] = 4096
    min_words: Annotated[int, setting("Reject documents with fewer words than this.", ge=0)] = 0
    # A record larger than this is almost always a broken file; the largest PlanetMath entry has 50 kB.
    max_text_chars: Annotated[int, setting("Reject documents with more characters than this.", ge=1)] = 2_000_000
    max_rejected_share: Annotated[float, _REJECTED] = 0.5

    def __post_init__(self) -> None:
        """Check the encoding."""
        if self.encoding:
            text_encoding(self.encoding)

    def as_inputs(self) -> dict[str, Any]:
        """Return the inputs of a run on these documents: the settings, and the folder that sources are relative to.

        The sources stay as they were given, because ids of documents are made from them.
        """
        are_relative = any(not source.startswith(("/", "~", "-")) and "://" not in source for source in self.sources)
        return {"documents": asdict(self)} | ({"working_folder": str(Path.cwd())} if are_relative else {})


@_settings
class RunSettings:
    """Where `kgsynth run` begins and how far it goes."""

    section: ClassVar[str] = "run"

    filter: Annotated[bool, setting("Whether to keep the documents of a domain first, as [filter] says.")] = False
    until: Annotated[RunUntil, setting("What the run ends with.")] = "dataset"

    def __post_init__(self) -> None:
        """Check that something is to be done."""
        require(
            self.filter or self.until != "filter",
            "run.until is 'filter' but run.filter is false: there is nothing to do",
        )


Temperature = Annotated[float, setting("Sampling temperature.", ge=0)]


@_settings
class BackendSettings:
    """How a language model is asked, for all stages that ask one; each stage may set its own.

    What SmolLM2-135M needs (forms, short limits, a penalty on repetition) is the default for it alone: a
    field that is None here takes its value from `SMALL_MODEL_DEFAULTS` or `MODEL_DEFAULTS`.
    """

    section: ClassVar[str] = "backend"
    # Settings that choose units, or are used before or after the model is asked: they are not part of what a run is.
    not_asked: ClassVar[frozenset[str]] = frozenset()

    # None: that of the sample or of the questions.
    seed: Annotated[int | None, setting("Seed of all random choices and of generated texts.", ge=0, le=_MAX_SEED)] = (
        None
    )
    backend: Annotated[
        str,
        setting(
            "Where texts come from. vllm: a model in this process; server: an OpenAI-compatible server; scripted: "
            "fixed texts without a model."
        ),
    ] = "vllm"
    executor: Annotated[
        ExecutorName,
        setting("Where the backend runs: here, or on the machines of a Ray cluster.", decides=False),
    ] = "local"
    model: Annotated[
        str,
        setting(
            "A model folder, a Hugging Face id, or the name that a server gives it.",
            default="SmolLM2-135M, to try the stages",
        ),
    ] = ""
    url: Annotated[
        OneOrSeveral,
        setting("Address of a server; with it, --backend is server. Several servers share the load.", decides=False),
    ] = ()
    domain: Annotated[
        str,
        setting("Prompt templates: a domain that `kgsynth prompts list` names, or a folder of your own (required)."),
    ] = ""
    temperature: Temperature = 0.7
    top_p: Annotated[
        float, setting("Sample from the most likely tokens whose probabilities add up to this.", gt=0, le=1)
    ] = 0.95
    top_k: Annotated[int | None, setting("Sample from this many most likely tokens.", ge=1)] = None
    min_p: Annotated[
        float | None, setting("Sample from tokens with at least this share of the highest probability.", ge=0, le=1)
    ] = None
    repetition_penalty: Annotated[
        float | None,
        setting("Penalty on tokens that have occurred.", default="1.1 for SmolLM2-135M, else none", gt=0),
    ] = None
    presence_penalty: Annotated[float, setting("Penalty on tokens that have occurred, however often.", ge=-2, le=2)] = (
        0.0
    )
    frequency_penalty: Annotated[
        float, setting("Penalty on tokens, for each time that they have occurred.", ge=-2, le=2)
    ] = 0.0
    stop: Annotated[OneOrSeveral, setting("End the text before this string.")] = ()
    max_output_tokens: Annotated[
        int | None,
        setting(
            "Maximum number of tokens per completion, thoughts included.",
            default="128 to 1024 for SmolLM2-135M, 2048 for others, 4096 for their answers",
            ge=16,
        ),
    ] = None
    context_tokens: Annotated[
        int | None,
        setting(
            "Tokens of prompt and answer together; passages are cut to fit.",
            default="4096 for SmolLM2-135M, 8192 or more for others",
        ),
    ] = None
    thinking: Annotated[
        bool | None,
        setting("Switch the model's thinking on or off through its chat template.", default="as the template decides"),
    ] = None
    system: Annotated[str, setting("Text that begins every system turn.")] = ""
    system_role: Annotated[
        SystemRole, setting("How the system turn is sent; user puts it at the head of the first user turn.")
    ] = "system"
    constrained: Annotated[
        bool | None,
        setting(
            "Force the form of completions with a grammar, where the backend supports it.",
            default="for SmolLM2-135M; JSON schemas for every model on vLLM",
        ),
    ] = None
    request: Annotated[
        Mapping[str, Any],
        setting(
            "Add a field to each request, or remove one with KEY=null; rename.OLD=NEW renames one, headers.NAME=VALUE "
            "adds a header."
        ),
    ] = field(default_factory=dict)
    engine: Annotated[
        Mapping[str, Any],
        setting("An option of vLLM's engine, such as tensor_parallel_size=2 or dtype=bfloat16."),
    ] = field(default_factory=dict)
    shard_size: Annotated[int, setting("Number of units per shard.", ge=1)] = 1000
    concurrency: Annotated[
        int,
        setting(
            "Maximum number of concurrent requests to a server; the actual number adapts to what the server sustains.",
            decides=False,
            ge=1,
        ),
    ] = 256
    # 8,000 tokens at 10 per second take 800 s.
    timeout_s: Annotated[float, setting("Timeout of one request to a server, in seconds.", decides=False, gt=0)] = 900.0
    tries: Annotated[int, setting("Maximum number of tries per request to a server.", decides=False, ge=1)] = 5
    first_wait_s: Annotated[
        float,
        setting("Seconds before the second try; each further wait is twice as long.", decides=False, ge=0),
    ] = 1.0
    max_rejected_share: Annotated[float, _REJECTED] = 0.9

    def __post_init__(self) -> None:
        """Fill in what depends on the model, and check what settings say together."""
        by_section = SMALL_MODEL_DEFAULTS if self.is_small_model else MODEL_DEFAULTS
        defaults = {**by_section[""], **by_section.get(self.section, {})}
        if self.max_output_tokens is not None and not self.is_small_model:
            # The context must hold the longest answer and a prompt.
            defaults["context_tokens"] = max(defaults["context_tokens"], self.max_output_tokens + _MIN_PROMPT_TOKENS)
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        assert self.max_output_tokens is not None
        assert self.context_tokens is not None
        require(
            self.context_tokens > self.max_output_tokens,
            f"{self.section}.context_tokens ({self.context_tokens}) must exceed {self.section}.max_output_tokens "
            f"({self.max_output_tokens}): prompt and answer share the context",
        )
        if self.backend not in BUILT_IN_BACKENDS:
            known = sorted(plugins.installed(plugins.BACKENDS))
            require(
                self.backend in known,
                f"{self.section}.backend is {quoted(self.backend)}: give one of {', '.join(known)}",
            )
        _check_request(self.section, self.request)
        for url in self.url:
            _check_address(self.section, url)
        # Other sections may have the address where [backend] itself has none.
        require(
            self.section == "backend" or self.backend != "server" or bool(self.url),
            f"{self.section}.backend is 'server' but {self.section}.url is empty: give the server's address",
        )

    @property
    def is_small_model(self) -> bool:
        """Whether the model that comes with kgsynth is asked."""
        return self.backend == "vllm" and not self.model

    @property
    def output_tokens(self) -> int:
        """Maximum number of tokens of one answer."""
        assert self.max_output_tokens is not None
        return self.max_output_tokens

    @property
    def prompt_tokens(self) -> int:
        """Maximum number of tokens of a prompt."""
        assert self.context_tokens is not None
        return self.context_tokens - self.output_tokens


# By section; "" holds the defaults of all other sections. The small model answers within some hundred tokens or not at
# all, and repeats itself without the penalty (docs/figures/generation.md); for stronger models the penalty spoils code
# and formulas. Up to 5 topics with 20 concepts take 1,000 tokens; a solution with its thoughts takes thousands.
SMALL_MODEL_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "": {"max_output_tokens": 512, "context_tokens": 4096, "repetition_penalty": 1.1},
    "extract": {"max_output_tokens": 1024},
    "answer": {"max_output_tokens": 1024},
    "filter": {"max_output_tokens": 128},
    "judge": {"max_output_tokens": 128},
    "syllabus": {"max_output_tokens": 700},
}
MODEL_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "": {"max_output_tokens": 2048, "context_tokens": 8192},
    "answer": {"max_output_tokens": 4096},
}
_MIN_PROMPT_TOKENS = 4096
# Keys of `request` that are no fields of the request.
_REQUEST_TABLES = ("headers", "rename")


def _check_request(section: str, request: Mapping[str, Any]) -> None:
    for table in _REQUEST_TABLES:
        entries = request.get(table, {})
        # What is wrong with it is not shown: it may be a secret.
        require(
            isinstance(entries, Mapping) and all(isinstance(value, (str, int)) for value in entries.values()),
            f"{section}.request.{table} is no table of strings",
        )


def _check_address(section: str, url: str) -> None:
    shown = without_secrets(url)
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    require(
        is_whole,
        f"{section}.url is {quoted(shown)}: give an address such as http://127.0.0.1:8000 or https://host.example/v1",
    )


@_settings
class ExtractSettings(BackendSettings):
    """How concepts are found in documents; the keys of the backend are for method "llm"."""

    section: ClassVar[str] = "extract"
    not_asked: ClassVar[frozenset[str]] = frozenset(
        ("vocabulary", "max_document_share", "min_document_count", "max_phrases", "stop_words")
    )

    method: Annotated[
        ExtractMethod,
        setting(
            "How concepts are found. vocabulary: names from a list; keyphrases: phrases of the texts; llm: a language "
            "model."
        ),
    ] = "vocabulary"
    # A list of names wants the likely ones, not variety.
    temperature: Temperature = 0.3
    vocabulary: Annotated[
        str,
        setting(
            "Concept list: a .txt file with one name per line, or a table with columns name and synonyms.",
            default="the concepts that the documents declare",
        ),
    ] = ""
    # A term of more than this share of the documents names the field, not a concept in it (PlanetMath at 0.1 loses
    # "number", "integer", "function", "prime" and the like; docs/figures/concepts.md).
    max_document_share: Annotated[
        float,
        setting(
            "Leave out terms that occur in a larger share of the documents than this; they are reported.", gt=0, le=1
        ),
    ] = 0.1
    # A phrase in fewer documents makes no co-occurrence that a walk could use.
    min_document_count: Annotated[
        int, setting("Leave out key phrases that occur in fewer documents than this.", ge=1)
    ] = 2
    # Of the documentation of SymPy, SciPy and NetworkX plain phrases become common after so many.
    max_phrases: Annotated[int, setting("Maximum number of key phrases.", ge=1)] = 2500
    stop_words: Annotated[str, setting("File with additional words that no key phrase may contain.")] = ""


@_settings
class FilterSettings(BackendSettings):
    """Which documents are of a domain; the keys of the backend are for the model that rates."""

    section: ClassVar[str] = "filter"
    not_asked: ClassVar[frozenset[str]] = frozenset(
        "positives method recall precision rounds negatives rated score min_score min_words language near_duplicates "
        "window_words windows".split()
    )

    seed: Annotated[int | None, _REQUIRED_SEED] = None
    # A rating is three numbers: no variety is wanted.
    temperature: Temperature = 0.0
    positives: Annotated[
        Strings,
        setting("Example documents of the domain, read like the corpus. Without them, a model writes examples."),
    ] = ()
    method: Annotated[
        Literal["auto", "forest", "linear", "centroid"],
        setting(
            "Classifier that scores documents. auto: the one that ranks held-out examples best, or with few examples "
            "the one that is best on average; forest: a random forest, as in the paper."
        ),
    ] = "auto"
    recall: Annotated[
        float,
        setting(
            "Target recall: share of the domain's documents that the first selection, before any rating, should keep.",
            gt=0,
            le=1,
        ),
    ] = 0.88
    precision: Annotated[
        float,
        setting(
            "Precision that is good enough: where the domain is a large share of the corpus and more is expected, the "
            "cut of the cold start is lowered and keeps more.",
            gt=0,
            le=1,
        ),
    ] = 0.99
    rounds: Annotated[int, setting("Number of rating rounds; 0: the examples alone decide.", ge=0)] = 2
    negatives: Annotated[int, setting("Number of documents drawn from the corpus for the cold start.", ge=2)] = 2000
    rated: Annotated[
        int,
        setting(
            "Number of documents rated per round: half from the selection, half from the rest of the corpus.", ge=2
        ),
    ] = 400
    # A text that is clear and of another subject has a good mean.
    score: Annotated[
        Literal["min", "mean", "relevance"],
        setting("How the ratings of relevance, clarity and language are combined into one score."),
    ] = "min"
    # As in the paper.
    min_score: Annotated[float, setting("Keep documents with a higher score than this.", ge=1, le=10)] = 6.5
    # Short texts are judged by what they say.
    min_words: Annotated[int, setting("Drop documents with fewer words than this.", ge=0)] = 3
    language: Annotated[str, setting("Drop documents that are clearly in another language; empty: keep all.")] = "en"
    near_duplicates: Annotated[bool, setting("Drop near-duplicates of earlier documents.")] = True
    # About as much as the embedder reads.
    window_words: Annotated[
        int, setting("Number of words per window; a document's vector is the mean over its windows.", ge=1)
    ] = 80
    windows: Annotated[int, setting("Maximum number of windows per document.", ge=1)] = 6


@_settings
class SyllabusSettings(BackendSettings):
    """How examples of a domain are written where the user has none: four texts on each item of each discipline."""

    section: ClassVar[str] = "syllabus"

    seed: Annotated[int | None, setting("Seed of all texts (required).", ge=0, le=_MAX_SEED)] = None
    temperature: Temperature = 0.8
    disciplines: Annotated[int, setting("Number of disciplines in a syllabus.", ge=1)] = 8
    items: Annotated[int, setting("Number of items per discipline.", ge=1)] = 10


@_settings
class MergeSettings:
    """How near-duplicate terms are found and decided."""

    section: ClassVar[str] = "merge"

    embedder: Annotated[EmbedderName, setting("Which build of all-MiniLM-L6-v2 embeds the names.")] = "auto"
    executor: Annotated[
        ExecutorName,
        setting(
            "Where names are embedded. local: on this machine; ray: on the machines and GPUs of a Ray cluster "
            "(`RAY_ADDRESS`).",
            decides=False,
        ),
    ] = "local"
    # The lexical decision reads each candidate, so this costs time, not precision.
    neighbours: Annotated[int, setting("Number of nearest names considered for each name.", ge=1, le=1000)] = 20
    min_cosine: Annotated[
        float,
        setting(
            "Minimum cosine of two names that share words with many others; names without a shared word need 0.85.",
            ge=-1,
            le=1,
        ),
    ] = 0.5


@_settings
class JudgeSettings(BackendSettings):
    """Which pairs of names a language model judges, and how it is asked."""

    section: ClassVar[str] = "judge"
    not_asked: ClassVar[frozenset[str]] = frozenset(
        ("apply_above", "pairs_per_request", "pairs_per_thousand", "known_pairs", "context_neighbours")
    )

    seed: Annotated[
        int | None, setting("Seed of the random projection, of the known pairs and of requests.", ge=0, le=_MAX_SEED)
    ] = 0
    domain: Annotated[
        str,
        setting("Domain of the prompt, or your own folder; without `judge_names.txt` in it, general is used."),
    ] = "general"
    # A verdict is one word: no variety is wanted.
    temperature: Temperature = 0.0
    apply_above: Annotated[
        float | None,
        setting(
            "Join the pairs that the model calls the same with at least this probability.",
            default="a run does not ask the judge",
            gt=0,
            le=1,
        ),
    ] = None
    pairs_per_request: Annotated[
        int, setting("Number of pairs of names per request; small models judge one at a time better.", ge=1, le=50)
    ] = 1
    pairs_per_thousand: Annotated[
        int, setting("Maximum number of pairs to judge per thousand names, the most likely first.", ge=1)
    ] = 500
    known_pairs: Annotated[
        int,
        setting(
            "Number of pairs that the rules join, and of pairs that they keep apart, that the model judges too: they "
            "turn its scores into probabilities.",
            ge=0,
        ),
    ] = 100
    context_neighbours: Annotated[
        int, setting("Number of names with the most similar contexts considered for each name.", ge=1, le=100)
    ] = 3


@_settings
class SampleSettings:
    """How combinations are drawn."""

    section: ClassVar[str] = "sample"

    seed: Annotated[int | None, setting("Seed of all random choices (required).", ge=0, le=_MAX_SEED)] = None
    combinations: Annotated[int | None, setting("Number of combinations to draw.", ge=1)] = None
    # 5, as in the paper, when no amount is given.
    epochs: Annotated[
        int | None,
        setting("Number of walks from every topic, instead of --combinations.", default="5", ge=1),
    ] = None
    start: Annotated[str, setting("A .cypher file that returns the ids of topics to start from.")] = ""
    within: Annotated[
        str, setting("A .cypher file that returns the ids that may be visited, optionally with a weight.")
    ] = ""
    query_timeout_s: Annotated[
        float, setting("Timeout of the statements of --start and --within, in seconds.", decides=False, gt=0)
    ] = 60.0
    favour: Annotated[
        Literal["", "unused"], setting("Prefer concepts and pairs that earlier combinations have not used.")
    ] = ""
    earlier: Annotated[
        Strings,
        setting("A file of earlier combinations, for --favour.", default="those that the graph holds"),
    ] = ()
    # Auto takes the compiled one, where it is installed, for amounts that pay its tables.
    engine: Annotated[
        Literal["auto", "cypher", "compiled"],
        setting(
            "What walks. cypher: queries in the graph; compiled: compiled code on arrays. The combinations are the "
            "same."
        ),
    ] = "auto"
    # 2,000 walks per query is near the flat part of the rate (docs/figures/graph.md) and keeps answers small.
    batch_size: Annotated[int, setting("Number of walks per query; the combinations are the same.", ge=1)] = 2000
    sessions: Annotated[int, setting("Number of concurrent queries; the combinations are the same.", ge=1, le=64)] = 1
    # A question combines 2 or 3 concepts.
    min_concepts: Annotated[int, setting("Minimum number of concepts per combination.", ge=1)] = 2
    grounding_documents: Annotated[int, setting("Number of documents per combination.", ge=0, le=20)] = 2
    grounding: Annotated[
        Literal["jaccard", "walked"],
        setting(
            "Which documents a combination gets. jaccard: the most similar ones, as in the paper; walked: the most "
            "similar of those on its walk."
        ),
    ] = "jaccard"

    def __post_init__(self) -> None:
        """Check that at most one amount is given, and `earlier` only where it is used."""
        require(
            self.combinations is None or self.epochs is None,
            "sample.combinations and sample.epochs exclude each other: give one",
        )
        require(
            not self.earlier or self.favour == "unused", "sample.earlier is of use with sample.favour = 'unused' alone"
        )


@_settings
class GenerateSettings(BackendSettings):
    """How questions are written."""

    section: ClassVar[str] = "generate"
    not_asked: ClassVar[frozenset[str]] = frozenset(
        ("levels", "combinations", "documents", "max_questions", "chosen_by")
    )

    seed: Annotated[
        int | None,
        setting(
            "Seed of all random choices and of generated texts.",
            default="for level 3: that of the combinations",
            ge=0,
            le=_MAX_SEED,
        ),
    ] = None
    levels: Annotated[Integers, setting("Levels of `kgsynth run`: some of 1, 2 and 3.")] = (3,)
    combinations: Annotated[int | None, setting("Level 3: use the first N combinations only.", ge=1)] = None
    documents: Annotated[int | None, setting("Levels 1 and 2: draw N documents by seed.", default="all", ge=1)] = None
    # None: the paper's.
    max_questions: Annotated[
        int | None,
        setting(
            "Maximum number of questions to ask for per document or combination.",
            default="5 per document, 3 per combination",
            ge=1,
            le=20,
        ),
    ] = None
    chosen_by: Annotated[
        ChosenBy,
        setting("Level 2: who chooses the 2 or 3 concepts of a question: a draw by the seed, or the model."),
    ] = "seed"
    # A model of 1.5 billion parameters names one alone in a quarter of its readable questions, though it is asked for
    # two or three (docs/figures/generation.md).
    min_concepts: Annotated[
        int,
        setting(
            "Levels 2 and 3: reject questions that name fewer of the given concepts. Names that were not given are "
            "removed and counted.",
            ge=0,
            le=3,
        ),
    ] = 1
    filters: Annotated[
        bool, setting("Reject questions that repeat themselves, refer to a text that is not there, and the like.")
    ] = True

    def __post_init__(self) -> None:
        """Check the levels."""
        BackendSettings.__post_init__(self)
        require(
            bool(self.levels) and set(self.levels) <= {1, 2, 3} and len(set(self.levels)) == len(self.levels),
            f"generate.levels is {list(self.levels)}: give some of 1, 2, 3, each once",
        )

    def questions_of(self, level: int) -> int:
        """Questions asked for per unit of a level.

        Source: arXiv 2503.19551 takes 5 per document and 3 per combination.
        """
        return self.max_questions if self.max_questions is not None else (3 if level == 3 else 5)


@_settings
class AnswerSettings(BackendSettings):
    """How questions are answered and the answers verified."""

    section: ClassVar[str] = "answer"

    seed: Annotated[int | None, setting("Seed of all texts.", default="that of the questions", ge=0, le=_MAX_SEED)] = (
        None
    )
    votes: Annotated[
        int,
        setting(
            "Number of answers to ask for per question; the majority of their final answers is kept.", ge=1, le=1000
        ),
    ] = 1
    min_agreement: Annotated[
        float, setting("Reject answers that fewer votes agree with than this share.", ge=0, le=1)
    ] = 0.0
    judge: Annotated[bool, setting("Let a model check the kept answer against a rubric.")] = False
    judge_model: Annotated[str, setting("Another model on the same server as the judge.")] = ""
    verify: Annotated[
        Names,
        setting(
            "Verifiers that check each answer, in this order; none: no verifier. Their verdicts are recorded.",
            default="those of the domain",
        ),
    ] = ()
    require: Annotated[
        Names, setting("Verifiers that must pass an answer; every other answer becomes a reject.", default="none")
    ] = ()
    sandbox: Annotated[
        SandboxName,
        setting(
            "Where programs of verifiers run: auto takes bubblewrap, else landlock; off: they are not run, and the "
            "verdict is undecided."
        ),
    ] = "auto"
    filters: Annotated[
        bool, setting("Reject answers that repeat themselves, contain tokens of a chat template, and the like.")
    ] = True

    def __post_init__(self) -> None:
        """Check the judge."""
        BackendSettings.__post_init__(self)
        require(
            not self.judge_model or self.backend == "server",
            "answer.judge_model names a model of a server: it needs backend 'server'",
        )
        require(
            "none" not in self.verify or self.verify == ("none",),
            "answer.verify has none beside other verifiers: give none alone",
        )


@_settings
class CurateSettings:
    """Which questions are good enough to train on."""

    section: ClassVar[str] = "curate"

    # "Find 2^32+1 mod 641." is a question that people asked.
    min_question_chars: Annotated[int, setting("Reject questions with fewer characters than this.", ge=0)] = 20
    max_question_chars: Annotated[int, setting("Reject questions with more characters than this.")] = 4000
    min_answer_chars: Annotated[int, setting("Reject answers with fewer characters than this.", ge=0)] = 1
    # Answers of 8,000 tokens have some 30,000.
    max_answer_chars: Annotated[int, setting("Reject answers with more characters than this.")] = 100_000
    language: Annotated[str, setting("Reject texts that are clearly in another language than this (ISO 639-1).")] = "en"
    min_jaccard: Annotated[
        float, setting("Questions with this MinHash similarity are near-duplicates.", gt=0, le=1)
    ] = 0.8
    min_cosine: Annotated[
        float,
        setting(
            "Questions with this cosine of embeddings are near-duplicates; .95 is a reasonable start.",
            default="not used",
            ge=0,
            le=1,
        ),
    ] = 0.0
    keep_variants: Annotated[
        bool,
        setting("Keep near-duplicates that differ in numbers, signs, opposites, order or final answer."),
    ] = True
    benchmarks: Annotated[
        Strings,
        setting("A benchmark that the training data must not contain: .jsonl, .json, .csv, .parquet, or a folder."),
    ] = ()
    benchmark_field: Annotated[
        str,
        setting(
            "Field of the benchmark with the question.", default="question, problem, prompt, …, the first there is"
        ),
    ] = ""
    min_overlap: Annotated[
        float,
        setting("Minimum share of a benchmark question's n-grams that counts as contamination.", gt=0, le=1),
    ] = 0.5
    review_cosine: Annotated[
        float,
        setting(
            "List questions whose embedding is this close to a benchmark question, for review; .85 is a reasonable "
            "start.",
            default="none",
            ge=0,
            le=1,
        ),
    ] = 0.0
    filters: Annotated[
        bool,
        setting("Reject by filters and near-duplicates; without it, only exact duplicates and benchmark hits."),
    ] = True
    max_rejected_share: Annotated[
        float, setting("Fail when a larger share than this is rejected.", decides=False, ge=0, le=1)
    ] = 0.95

    def __post_init__(self) -> None:
        """Check that no minimum is above its maximum."""
        for name in ("min_question_chars", "min_answer_chars"):
            value, maximum = getattr(self, name), getattr(self, name.replace("min", "max"))
            require(value <= maximum, f"curate.{name} is {value}: give 0 to {maximum}")


@_settings
class ExportSettings:
    """What a training set looks like on disk."""

    section: ClassVar[str] = "export"

    format: Annotated[
        ExportFormat,
        setting(
            "datasets: a folder that Hugging Face datasets loads; messages: ChatML or OpenAI turns; preference: "
            "prompt, chosen and rejected answer."
        ),
    ] = "datasets"
    validation_share: Annotated[
        float,
        setting(
            "Share of the questions for validation; those from one combination or document stay together.", ge=0, lt=1
        ),
    ] = 0.0
    system: Annotated[str, setting("System turn of every conversation.")] = ""
    reasoning: Annotated[
        Reasoning,
        setting("A model's thoughts: left out, in a field of their own, or as <think>…</think> before the answer."),
    ] = "drop"
    with_passages: Annotated[
        bool,
        setting("Add the text that each question was grounded in, with its licence, from the graph."),
    ] = False
    passed_by: Annotated[
        Names, setting("Leave out rows whose answer one of these verifiers did not pass.", default="none")
    ] = ()
    min_pass_rate: Annotated[
        float,
        setting(
            "Leave out rows with a lower pass rate: the share of verifiers that passed the answer, among those that "
            "passed or failed it.",
            ge=0,
            le=1,
        ),
    ] = 0.0
    order: Annotated[
        ExportOrder,
        setting("Order of rows: as curated, or by decreasing pass rate or agreement of votes."),
    ] = "curated"
    name: Annotated[str, setting("Name of the data set in its card.", default="that of the folder")] = ""
    rows_per_file: Annotated[int, setting("Maximum number of rows per file.", ge=1)] = 100_000


@_settings
class RunConfig:
    """The whole path from documents to a training set.

    What [backend] sets holds for extract, generate and answer; for filter, syllabus and judge, too, without sampling,
    `stop` and `max_output_tokens`.
    """

    section: ClassVar[str] = ""

    run: RunSettings = field(default_factory=RunSettings)
    graph: GraphSettings = field(default_factory=GraphSettings)
    documents: DocumentsSettings = field(default_factory=DocumentsSettings)
    filter: FilterSettings = field(default_factory=FilterSettings)
    syllabus: SyllabusSettings = field(default_factory=SyllabusSettings)
    extract: ExtractSettings = field(default_factory=ExtractSettings)
    merge: MergeSettings = field(default_factory=MergeSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    sample: SampleSettings = field(default_factory=SampleSettings)
    backend: BackendSettings = field(default_factory=BackendSettings)
    generate: GenerateSettings = field(default_factory=GenerateSettings)
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    curate: CurateSettings = field(default_factory=CurateSettings)
    export: ExportSettings = field(default_factory=ExportSettings)

    def __post_init__(self) -> None:
        """Check rules that involve settings of two sections."""
        require(
            not (self.run.filter and self.documents.annotations),
            "run.filter and documents.annotations exclude each other: annotations would bring back what is dropped",
        )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file, which editors use to check and complete it."""
    return TypeAdapter(RunConfig).json_schema()


# Other values of these make no other run.
UNDECISIVE = tuple(name for name, info in settings_fields(BackendSettings).items() if not decides_output(info))
