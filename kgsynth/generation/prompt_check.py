"""A domain's folder looked through before a model is asked: templates, and whether their examples can be read.

A model writes like its examples: one that the stage could not read teaches it to write what is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kgsynth.errors import ConfigError
from kgsynth.generation import prompts
from kgsynth.generation.backend import Completion
from kgsynth.generation.extraction import read_part
from kgsynth.generation.rating import ASPECTS
from kgsynth.texts import blocks, parse_json


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCheck:
    """What was found of one template: `problem` is empty for a good one; one that is not there has no hash."""

    task: str
    hash: str = ""
    examples: int = 0
    problem: str = ""


def check_folder(folder: Path) -> list[TemplateCheck]:
    """Each task's template in a domain's folder.

    Raises:
        ConfigError: there is no such folder, or it holds no template at all.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is no folder", hint="`kgsynth prompts copy DOMAIN FOLDER` makes one to begin with."
        )
    found = [_checked(folder, task) for task in prompts.TASKS]
    if not any(one.hash or one.problem for one in found):
        raise ConfigError(f"{folder} holds no template", hint=f"Templates are called {', '.join(prompts.TASKS)}.txt.")
    unknown = sorted(file.name for file in folder.glob("*.txt") if file.stem not in prompts.TASKS)
    found += [TemplateCheck(task=name, problem="no task is called so") for name in unknown]
    try:
        prompts.question_form(str(folder.absolute()))
    except ConfigError as error:
        found.append(TemplateCheck(task="question.regex", problem=str(error)))
    return found


def _checked(folder: Path, task: str) -> TemplateCheck:
    file = folder / f"{task}.txt"
    if not file.is_file():
        return TemplateCheck(task=task)
    try:
        template = prompts.load(str(folder.absolute()), task)
    except ConfigError as error:
        return TemplateCheck(task=task, problem=str(error))
    unread = next((place for place, one in enumerate(template.examples, 1) if not _READ.get(task, bool)(one)), 0)
    problem = f"its example {unread} is not in the form that the stage reads" if unread else ""
    return TemplateCheck(task=task, hash=template.hash, examples=len(template.examples), problem=problem)


def _has_blocks(*tags: str) -> Callable[[str], bool]:
    return lambda text: bool(blocks(text, tags)[0])


def _is_syllabus(text: str) -> bool:
    try:
        return bool(parse_json(text, key="names")["names"])
    except ValueError:
        return False


# Whether an example can be read as the stage reads what a model writes.
_READ: Mapping[str, Callable[[str], bool]] = {
    "extract": lambda text: not read_part(Completion(request_id="", text=text, finish_reason="stop")).problem,
    "level1": lambda text: _has_blocks("question")(text) or _has_blocks("unsuitable")(text),
    "level2": _has_blocks("question", "concepts"),
    "level2_free": _has_blocks("question", "concepts"),
    "level3": _has_blocks("question", "concepts"),
    "judge": _has_blocks("verdict"),
    "rate": lambda text: all(_has_blocks(aspect)(text) for aspect in ASPECTS),
    "syllabus": _is_syllabus,
}
