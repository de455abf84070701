"""Prompt templates: one folder per domain, one file per task; every record stores the hash of its template.

A template has turns that begin with `[[system]]`, `[[user]]` or `[[assistant]]` on a line of their own, and slots
`{{name}}`. Turns before the last are examples. A domain is a folder of templates: one in `kgsynth/domains`, one of the
user, or a Python package that an entry point of the group `kgsynth.domains` names.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from kgsynth import plugins
from kgsynth.errors import ConfigError, did_you_mean
from kgsynth.generation.backend import Message

_OWN_DOMAINS = resources.files("kgsynth") / "domains"
_TURN = re.compile(r"^\[\[(system|user|assistant)\]\]\n", re.MULTILINE)
_SLOT = re.compile(r"\{\{(\w+)\}\}")
# Slots that a task allows, and slots that its last turn requires.
_SLOTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "extract": (frozenset({"title", "document"}), frozenset({"document"})),
    "level1": (frozenset({"title", "document", "max_questions"}), frozenset({"document"})),
    "level2": (
        frozenset({"title", "document", "combinations", "max_questions"}),
        frozenset({"document", "combinations"}),
    ),
    "level2_free": (frozenset({"title", "document", "concepts", "max_questions"}), frozenset({"document", "concepts"})),
    "level3": (frozenset({"passages", "topics", "concepts", "max_questions"}), frozenset({"passages", "concepts"})),
    "answer": (frozenset({"question"}), frozenset({"question"})),
    "judge": (frozenset({"question", "answer"}), frozenset({"question", "answer"})),
    "rate": (frozenset({"title", "document"}), frozenset({"document"})),
    "syllabus": (frozenset({"domain", "wanted", "count"}), frozenset({"wanted"})),
    "syllabus_document": (frozenset({"domain", "discipline", "item", "kind"}), frozenset({"item", "kind"})),
}
TASKS = tuple(_SLOTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template: `name` is domain/task, `hash` the first 16 hexadecimal digits of the file's SHA-256."""

    name: str
    hash: str
    turns: tuple[Message, ...]

    def fill(self, **slots: str) -> tuple[Message, ...]:
        """Return the conversation with every slot replaced."""
        return tuple(
            Message(turn.role, _SLOT.sub(lambda found: slots[found.group(1)], turn.content)) for turn in self.turns
        )

    @property
    def examples(self) -> tuple[str, ...]:
        """Answers of the assistant in the examples."""
        return tuple(turn.content for turn in self.turns if turn.role == "assistant")


def domains() -> list[str]:
    """Return the names of installed domains, from `kgsynth/domains` and from other packages."""
    builtin = (folder.name for folder in _OWN_DOMAINS.iterdir() if folder.is_dir() and not folder.name.startswith("_"))
    return sorted({*builtin, *plugins.installed(plugins.DOMAINS)})


def tasks_of(domain: str) -> list[str]:
    """Return the tasks for which a domain has a template.

    Raises:
        ConfigError: there is no such domain.
    """
    folder = _domain_folder(domain)
    return [task for task in TASKS if (folder / f"{task}.txt").is_file()]


def texts_of(domain: str, task: str | None = None) -> dict[str, str]:
    """Return the unparsed templates of a domain by task; only one of them when `task` names it.

    Raises:
        ConfigError: there is no such domain or template.
    """
    folder = _domain_folder(domain)
    if task is not None:
        load(domain, task)
    return {one: _read(folder / f"{one}.txt") for one in tasks_of(domain) if task is None or one == task}


def copy(domain: str, folder: Path) -> int:
    """Copy the files of a domain to a folder, and return their number.

    Raises:
        ConfigError: there is no such domain, or the folder already has one of the files.
    """
    files = [file for file in _domain_folder(domain).iterdir() if file.name.endswith((".txt", ".regex"))]
    existing = [file.name for file in files if (folder / file.name).exists()]
    if existing:
        raise ConfigError(f"{folder} holds {existing[0]} already", hint="Choose another folder; nothing was written.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_text(_read(file), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error}") from error
    return len(files)


def question_form(domain: str) -> str:
    """Return the regular expression for questions in a domain's `question.regex`; empty without such a file.

    It constrains answers of the small model, or of every model with `constrained`.

    Raises:
        ConfigError: the file is not a valid regular expression.
    """
    file = _domain_folder(domain) / "question.regex"
    if not file.is_file():
        return ""
    pattern = _read(file).strip()
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{file} holds no regular expression: {error}") from error
    return pattern


def _domain_folder(domain: str) -> Traversable:
    """Return the folder of a domain, given its name or the path of a folder.

    Raises:
        ConfigError: no domain is given, or the domain does not exist.
    """
    if not domain:
        raise ConfigError(
            f"no domain is chosen, and prompts depend on it; known domains: {', '.join(domains())}",
            hint='Give --domain NAME, `domain = "NAME"` in [backend] of a file, or a folder of templates of your own '
            "(`kgsynth prompts copy NAME FOLDER` begins one).",
        )
    if "/" in domain or Path(domain).is_dir():
        if not Path(domain).is_dir():
            raise ConfigError(
                f"there is no domain {domain!r}",
                hint=f"Known domains: {', '.join(domains())}; or give a folder of templates.",
            )
        return Path(domain)
    if domain in plugins.installed(plugins.DOMAINS):
        return resources.files(plugins.load(plugins.DOMAINS, domain))
    folder = _OWN_DOMAINS / domain
    if not folder.is_dir():
        raise ConfigError(
            f"there is no domain {domain!r}" + did_you_mean(domain, domains()),
            hint=f"Known domains: {', '.join(domains())}; or give a folder of templates.",
        )
    return folder


def load(domain: str, task: str) -> Template:
    """Return the template of a domain and task.

    Args:
        domain: name of an installed domain, or path of a folder with templates.
        task: name of the template file without `.txt`: extract, level1, level2, level2_free, level3,
            answer, judge, rate, syllabus, syllabus_document.

    Raises:
        ConfigError: there is no such template, or it is malformed.
    """
    folder = _domain_folder(domain)
    file = folder / f"{task}.txt"
    if task not in TASKS:
        raise ConfigError(f"there is no task {task!r}", hint=f"Tasks are {', '.join(TASKS)}.")
    if not file.is_file():
        has = ", ".join(tasks_of(domain)) or "none"
        raise ConfigError(
            f"no template {task}.txt for domain {domain!r}",
            hint=f"It has templates for: {has}. `kgsynth prompts copy general FOLDER` gives one of each.",
        )
    return parse(f"{folder.name}/{task}", _read(file), task=task)


def _read(file: Traversable) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}", hint="Templates are files of UTF-8 text.") from error


def parse(name: str, text: str, *, task: str) -> Template:
    """Parse the text of a template.

    Raises:
        ConfigError: the text has no turns or an unknown slot, or its last turn is not a user turn with all required
            slots.
    """
    known, needed = _SLOTS[task]
    parts = _TURN.split(text)
    turns = tuple(Message(role, content.strip("\n")) for role, content in zip(parts[1::2], parts[2::2], strict=True))
    if parts[0].strip() or not turns:
        raise ConfigError(f"template {name} does not begin with [[system]], [[user]] or [[assistant]]")
    unknown = set(_SLOT.findall(text)) - known
    if unknown:
        raise ConfigError(f"template {name} has unknown slots {sorted(unknown)}; known: {sorted(known)}")
    last = turns[-1]
    if last.role != "user" or not needed <= set(_SLOT.findall(last.content)):
        wanted = " and ".join("{{" + slot + "}}" for slot in sorted(needed))
        raise ConfigError(f"template {name}: the last turn must be the user's and hold {wanted}")
    return Template(name=name, hash=hashlib.sha256(text.encode()).hexdigest()[:16], turns=turns)
