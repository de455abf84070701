"""Domains: how the questions of a field are asked, and how its answers are checked.

A domain is a folder with prompt templates and a file `domain.toml`: one in `kgsynth/domains`, one of the user, or a
Python package that an entry point of the group `kgsynth.domains` names. Without `domain.toml`, the defaults of `Domain`
hold. `kgsynth prompts check` tries the cases of `cases.toml`.
"""

import math
import os
import re
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import field, fields
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, field_validator
from pydantic.dataclasses import dataclass

from kgsynth import plugins
from kgsynth.errors import ConfigError, did_you_mean, quoted
from kgsynth.records import GRADES

SETTINGS_FILE, CASES_FILE = "domain.toml", "cases.toml"
_BUILT_IN = resources.files("kgsynth") / "domains"
_STRICT = ConfigDict(extra="forbid")

# open: the model writes the question; choice: the options are neighbours in the graph; cloze: a name is masked in a
# sentence of the documents, without a model.
Form = Literal["open", "choice", "cloze"]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class QuestionType:
    """A type of question that a domain asks for at level 3.

    Attributes:
        name: name of the type in records.
        form: how the question is made; see `Form`.
        instruction: what the prompt says about the type, in the slot `question_type`.
        must_match: regular expression that must match somewhere in the question; empty for none.
        share: relative frequency with which the type is drawn.
    """

    name: str
    form: Form = "open"
    instruction: str = ""
    must_match: str = ""
    share: float = 1.0

    @field_validator("must_match")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @field_validator("share")
    @classmethod
    def _is_positive(cls, share: float) -> float:
        if not 0 < share < math.inf:
            raise ValueError("must be a number of more than 0")
        return share


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Filters:
    """Which filters of curation apply to texts of a domain.

    Attributes:
        latex: reject texts with unbalanced LaTeX.
        fold_numbers: a question that differs from a benchmark's only in numbers and names of variables is the same
            question. False where numbers are names, as those of articles and years are.
    """

    latex: bool = True
    fold_numbers: bool = True


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Domain:
    """What `domain.toml` says.

    Attributes:
        description: one sentence about the domain.
        verifiers: verifiers of answers, in the order in which they run.
        question_types: types of questions at level 3, of which one is drawn for each request; none: the template alone
            decides.
        difficulties: difficulties of which one is drawn for each request of level 3, such as `hard: a proof is needed`;
            records hold the part before the colon. None: difficulty is not asked for.
        grades: names of educational levels, from easy to hard; `other` is always known.
        filters: filters of curation.
        imports: packages that programs of this domain may import in the sandbox, beside the standard library.
        disciplines: disciplines for `kgsynth filter syllabus`; none: the model lists them.
        card_note: a warning in the card of a data set.
    """

    description: str = ""
    verifiers: tuple[str, ...] = ()
    question_types: tuple[QuestionType, ...] = ()
    difficulties: tuple[str, ...] = ()
    grades: tuple[str, ...] = tuple(grade for grade in GRADES if grade != "other")
    filters: Filters = field(default_factory=Filters)
    imports: tuple[str, ...] = ()
    disciplines: tuple[str, ...] = ()
    card_note: str = ""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class VerifierCase:
    """A case of `cases.toml`: a question with its answer, and the verdict that a verifier must give.

    Attributes:
        verifier: name of the verifier.
        verdict: `passed`, `failed` or `undecided`.
        question: text of the question.
        answer: text of the kept answer.
        votes: all texts of answers; only the answer if empty.
        key: accepted answers, if they are known.
        options: options of a multiple-choice question.
        passages: texts of the documents.
        texts: texts that a model wrote for the verifier.
    """

    verifier: str
    verdict: Literal["passed", "failed", "undecided"]
    question: str
    answer: str
    votes: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def names() -> list[str]:
    """Return the names of installed domains, from `kgsynth/domains` and from other packages."""
    builtin = (entry.name for entry in _BUILT_IN.iterdir() if entry.is_dir() and not entry.name.startswith("_"))
    return sorted({*builtin, *plugins.installed(plugins.DOMAINS)})


def folder_of(name: str) -> Traversable:
    """Return the folder of a domain, given its name or the path of a folder.

    Raises:
        ConfigError: no domain is given, or the domain does not exist.
    """
    if not name:
        raise ConfigError(
            f"no domain is chosen, and prompts depend on it; known domains: {', '.join(names())}",
            hint='Give --domain NAME, `domain = "NAME"` in [backend] of a file, or a folder of templates of your own '
            "(`kgsynth prompts copy NAME FOLDER` begins one).",
        )
    # A folder that happens to have the name of a domain is meant only as ./name.
    if "/" in name or (name not in names() and os.path.isdir(name)):
        if not os.path.isdir(name):
            raise ConfigError(
                f"there is no domain {quoted(name)}",
                hint=f"Known domains: {', '.join(names())}; or give a folder of templates.",
            )
        return Path(name).absolute()
    if name in plugins.installed(plugins.DOMAINS):
        return resources.files(plugins.load(plugins.DOMAINS, name))
    folder = _BUILT_IN / name
    if name not in names():
        raise ConfigError(
            f"there is no domain {quoted(name)}" + did_you_mean(name, names()),
            hint=f"Known domains: {', '.join(names())}; or give a folder of templates.",
        )
    return folder


def load(name: str) -> Domain:
    """Read the `domain.toml` of a domain; defaults if the folder has none.

    Args:
        name: name of an installed domain, or path of a folder.

    Raises:
        ConfigError: there is no such domain, or its file is not valid.
    """
    file = folder_of(name) / SETTINGS_FILE
    return _validated(file, Domain, _toml(file)) if file.is_file() else Domain()


def by_name(given: Iterable[str]) -> dict[str, Domain]:
    """Return installed domains by name, and those that runs were given, which may be folders; absent ones are left out.

    A record has the name of its domain only, so a folder of the user's own is found through the settings of the runs.
    """
    found = {name: load(name) for name in names()}
    for domain in given:
        with suppress(ConfigError):
            found[folder_of(domain).name] = load(domain)
    return found


def cases(name: str) -> list[VerifierCase]:
    """Read the `cases.toml` of a domain; empty if the folder has none.

    Raises:
        ConfigError: there is no such domain, or its file is not valid.
    """
    file = folder_of(name) / CASES_FILE
    if not file.is_file():
        return []
    read = _toml(file)
    unknown = sorted(read.keys() - {"case"})
    if unknown:
        raise ConfigError(f"{file}: there is no key {quoted(unknown[0])}", hint="Each case begins with [[case]].")
    return _validated(file, list[VerifierCase], read.get("case", []))  # type: ignore[no-any-return]


def read_text(file: Traversable) -> str:
    """Read a file of a domain.

    Raises:
        ConfigError: the file is not readable UTF-8 text.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="Templates are files of UTF-8 text.") from error


def _toml(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _validated(file: Traversable, kind: Any, value: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "case"
        raise ConfigError(
            f"{file}: {place}: {_said(first)}",
            hint="docs/how-to/domains.md describes the file; `kgsynth prompts check FOLDER` checks it.",
        ) from None


def _names_beside(place: tuple[int | str, ...]) -> list[str]:
    """Return the names of the settings in the table of a place, such as `("question_types", 0, "share")`."""
    tables: dict[int | str, Any] = {"question_types": QuestionType, "filters": Filters}
    kind = Domain if len(place) == 1 else tables.get(place[0], VerifierCase)
    return [item.name for item in fields(kind)]


def _said(error: Any) -> str:
    """Return in plain words what is wrong with a value."""
    match error["type"]:
        case "unexpected_keyword_argument":
            return "there is no such setting" + did_you_mean(str(error["loc"][-1]), _names_beside(error["loc"]))
        case "tuple_type" | "list_type":
            return "must be a list"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return "is missing"
    return str(error["msg"]).removeprefix("Value error, ")
