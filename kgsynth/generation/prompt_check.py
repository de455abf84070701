"""Check the templates of a domain's folder before a run, including whether their examples can be parsed.

A model writes like its examples: an example that the stage cannot parse teaches the model output that is rejected.
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
    """Result for one template: `problem` is empty if it is valid, `hash` is empty if the file does not exist."""

    task: str
    hash: str = ""
    examples: int = 0
    problem: str = ""


def check_folder(folder: Path) -> list[TemplateCheck]:
    """Check each task's template in a domain's folder.

    Raises:
        ConfigError: the folder does not exist, or contains no template.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder", hint="Run `kgsynth prompts copy DOMAIN FOLDER` to create one.")
    checks = [_check(folder, task) for task in prompts.TASKS]
    if not any(check.hash or check.problem for check in checks):
        raise ConfigError(
            f"{folder} contains no template", hint=f"The names of templates are {', '.join(prompts.TASKS)}, with .txt."
        )
    unknown = sorted(file.name for file in folder.glob("*.txt") if file.stem not in prompts.TASKS)
    checks += [TemplateCheck(task=name, problem="there is no task with this name") for name in unknown]
    try:
        prompts.question_form(str(folder.absolute()))
    except ConfigError as error:
        checks.append(TemplateCheck(task="question.regex", problem=str(error)))
    return checks


def _check(folder: Path, task: str) -> TemplateCheck:
    file = folder / f"{task}.txt"
    if not file.is_file():
        return TemplateCheck(task=task)
    try:
        template = prompts.load(str(folder.absolute()), task)
    except ConfigError as error:
        return TemplateCheck(task=task, problem=str(error))
    is_readable = _IS_READABLE.get(task, bool)
    unread = next((number for number, example in enumerate(template.examples, 1) if not is_readable(example)), 0)
    problem = f"its example {unread} is not in the form that the stage reads" if unread else ""
    return TemplateCheck(task=task, hash=template.hash, examples=len(template.examples), problem=problem)


def _has_blocks(*tags: str) -> Callable[[str], bool]:
    return lambda text: bool(blocks(text, tags)[0])


def _is_syllabus(text: str) -> bool:
    try:
        return bool(parse_json(text, key="names")["names"])
    except ValueError:
        return False


# By task: whether the stage could parse an example as a model's output.
_IS_READABLE: Mapping[str, Callable[[str], bool]] = {
    "extract": lambda text: not read_part(Completion(request_id="", text=text, finish_reason="stop")).problem,
    "level1": lambda text: _has_blocks("question")(text) or _has_blocks("unsuitable")(text),
    "level2": _has_blocks("question", "concepts"),
    "level2_free": _has_blocks("question", "concepts"),
    "level3": _has_blocks("question", "concepts"),
    "judge": _has_blocks("verdict"),
    "rate": lambda text: all(_has_blocks(aspect)(text) for aspect in ASPECTS),
    "syllabus": _is_syllabus,
}
