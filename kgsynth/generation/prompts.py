"""Prompt templates: files in the folder of a domain, one per task; every record stores the hash of its template.

A template has turns that begin with `[[system]]`, `[[user]]` or `[[assistant]]` on a line of their own, and slots
`{{name}}`. Turns before the last are examples. A template `verify_NAME` asks for texts for the verifier NAME.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from kgsynth.domain_folder import CASES_FILE, SETTINGS_FILE, folder_of, read_text
from kgsynth.errors import ConfigError, quoted
from kgsynth.generation.backend import Message

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
    "level3": (
        frozenset({"passages", "topics", "concepts", "max_questions", "question_type", "difficulty", "imports"}),
        frozenset({"passages", "concepts"}),
    ),
    "answer": (frozenset({"question", "passages", "imports"}), frozenset({"question"})),
    "judge": (frozenset({"question", "answer"}), frozenset({"question", "answer"})),
    "judge_names": (frozenset({"pairs"}), frozenset({"pairs"})),
    "rate": (frozenset({"title", "document"}), frozenset({"document"})),
    "syllabus": (frozenset({"domain", "wanted", "count"}), frozenset({"wanted"})),
    "syllabus_document": (frozenset({"domain", "discipline", "item", "kind"}), frozenset({"item", "kind"})),
}
TASKS = tuple(_SLOTS)
# Begins the names of tasks that write texts for a verifier, such as programs.
VERIFY = "verify_"
_VERIFY_SLOTS = (frozenset({"question", "passages", "imports"}), frozenset({"question"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template: `name` is domain/task, `hash` the first 16 hexadecimal digits of the file's SHA-256."""

    name: str
    hash: str
    turns: tuple[Message, ...]

    def fill(self, **slots: str) -> tuple[Message, ...]:
        """Return the conversation with every slot replaced; empty slots at the end leave no empty lines."""
        return tuple(
            Message(turn.role, _SLOT.sub(lambda found: slots[found.group(1)], turn.content).rstrip("\n"))
            for turn in self.turns
        )

    def has(self, slot: str) -> bool:
        """Return whether the template has a slot."""
        return any(slot in _SLOT.findall(turn.content) for turn in self.turns)

    @property
    def examples(self) -> tuple[str, ...]:
        """Answers of the assistant in the examples."""
        return tuple(turn.content for turn in self.turns if turn.role == "assistant")


def tasks_of(domain: str) -> list[str]:
    """Return the tasks for which a domain has a template.

    Raises:
        ConfigError: there is no such domain.
    """
    folder = folder_of(domain)
    verifying = sorted(
        file.name.removesuffix(".txt")
        for file in folder.iterdir()
        if file.name.startswith(VERIFY) and file.name.endswith(".txt")
    )
    return [*(task for task in TASKS if (folder / f"{task}.txt").is_file()), *verifying]


def texts_of(domain: str, task: str | None = None) -> dict[str, str]:
    """Return the unparsed templates of a domain by task; only one of them when `task` names it.

    Raises:
        ConfigError: there is no such domain or template.
    """
    folder = folder_of(domain)
    if task is not None:
        load(domain, task)
    return {name: read_text(folder / f"{name}.txt") for name in tasks_of(domain) if task is None or name == task}


def copy(domain: str, folder: Path) -> int:
    """Copy the files of a domain to a folder, and return their number.

    Raises:
        ConfigError: there is no such domain, or the folder already has one of the files.
    """
    files = [
        file
        for file in folder_of(domain).iterdir()
        if file.name.endswith((".txt", ".regex")) or file.name in (SETTINGS_FILE, CASES_FILE)
    ]
    existing = [file.name for file in files if (folder / file.name).exists()]
    if existing:
        raise ConfigError(f"{folder} holds {existing[0]} already", hint="Choose another folder; nothing was written.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_text(read_text(file), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error}") from error
    return len(files)


def question_form(domain: str) -> str:
    """Return the regular expression for questions in a domain's `question.regex`; empty without such a file.

    It constrains answers of the small model, or of every model with `constrained`.

    Raises:
        ConfigError: the file is not a valid regular expression.
    """
    file = folder_of(domain) / "question.regex"
    if not file.is_file():
        return ""
    pattern = read_text(file).strip()
    try:
        re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{file} holds no regular expression: {error}") from error
    return pattern


def load(domain: str, task: str) -> Template:
    """Return the template of a domain and task.

    Args:
        domain: name of an installed domain, or path of a folder with templates.
        task: name of the template file without `.txt`: one of `TASKS`, or `verify_` with the name of a verifier.

    Raises:
        ConfigError: there is no such template, or it is malformed.
    """
    folder = folder_of(domain)
    file = folder / f"{task}.txt"
    if task not in TASKS and not task.startswith(VERIFY):
        raise ConfigError(
            f"there is no task {quoted(task)}", hint=f"Tasks are {', '.join(TASKS)}, and {VERIFY}VERIFIER."
        )
    if not file.is_file():
        has = ", ".join(tasks_of(domain)) or "none"
        raise ConfigError(
            f"no template {task}.txt for domain {quoted(domain)}",
            hint=f"It has templates for: {has}. `kgsynth prompts copy general FOLDER` gives one of each.",
        )
    return parse(f"{folder.name}/{task}", read_text(file), task=task)


def parse(name: str, text: str, *, task: str) -> Template:
    """Parse the text of a template.

    Raises:
        ConfigError: the text has no turns or an unknown slot, or its last turn is not a user turn with all required
            slots.
    """
    known, needed = _SLOTS.get(task, _VERIFY_SLOTS)
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
