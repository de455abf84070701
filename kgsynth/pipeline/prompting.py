"""The prompt templates of domains: what there is, what they say, a copy to change, and a check of that copy."""

from functools import partial
from pathlib import Path

from kgsynth import domain_folder
from kgsynth.generation import prompts
from kgsynth.generation.prompt_check import TemplateCheck, check_folder
from kgsynth.pipeline.verifying import run_in_sandbox


def list_prompts() -> dict[str, list[str]]:
    """Return the installed domains with the tasks for which they have templates."""
    return {domain: prompts.tasks_of(domain) for domain in domain_folder.names()}


def prompt_texts(domain: str, task: str | None = None) -> dict[str, str]:
    """Return the unparsed templates of a domain by task.

    Raises:
        ConfigError: there is no such domain or template.
    """
    return prompts.texts_of(domain, task)


def copy_prompts(domain: str, folder: Path) -> int:
    """Copy the templates of a domain to a folder, and return their number.

    Raises:
        ConfigError: there is no such domain, or the folder holds templates already.
    """
    return prompts.copy(domain, folder)


def check_prompts(folder: Path) -> list[TemplateCheck]:
    """Return the errors in a folder of templates.

    Raises:
        ConfigError: it holds none.
    """
    return check_folder(folder, runner=partial(run_in_sandbox, "auto"))
