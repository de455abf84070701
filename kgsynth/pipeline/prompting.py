"""The prompt templates of domains: what there is, what they say, a copy to change, and a check of that copy."""

from pathlib import Path

from kgsynth.generation import prompts
from kgsynth.generation.prompt_check import TemplateCheck, check_folder


def list_prompts() -> dict[str, list[str]]:
    """The domains of the package with the tasks that they have templates for."""
    return {domain: prompts.tasks_of(domain) for domain in prompts.domains()}


def prompt_texts(domain: str, task: str | None = None) -> dict[str, str]:
    """The templates of a domain as they stand in its files, by task.

    Raises:
        ConfigError: there is no such domain or template.
    """
    return prompts.texts_of(domain, task)


def copy_prompts(domain: str, folder: Path) -> int:
    """Copy a domain's templates to a folder of the user's; how many.

    Raises:
        ConfigError: there is no such domain, or the folder holds templates already.
    """
    return prompts.copy(domain, folder)


def check_prompts(folder: Path) -> list[TemplateCheck]:
    """What is wrong with the templates in a folder of the user's.

    Raises:
        ConfigError: it holds none.
    """
    return check_folder(folder)
