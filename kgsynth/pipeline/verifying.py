"""The verifiers of a stage `answer`, with the sandbox in which their programs run."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from kgsynth import domain_folder, verifier
from kgsynth.errors import ConfigError, SandboxError, did_you_mean, quoted
from kgsynth.generation.answers import Verification
from kgsynth.settings import AnswerSettings, SandboxName
from kgsynth.verification import sandbox
from kgsynth.verifier import Execution, RunProgram, Verifier

_LOG = logging.getLogger(__name__)
_LIMITS = sandbox.Limits()


def verifiers_of(settings: AnswerSettings) -> list[Verifier]:
    """Return the verifiers that the settings name, or those of the domain.

    Raises:
        ConfigError: a verifier is not installed, or one is required that does not run.
    """
    names = settings.verify or domain_folder.load(settings.domain).verifiers
    verifiers = verifier.load_all([name for name in names if name != "none"])
    running = [one.name for one in verifiers]
    for name in settings.require:
        if name not in running:
            suggestion = did_you_mean(name, running)
            raise ConfigError(
                f"answer.require names {quoted(name)}, which is not among the verifiers that run{suggestion}",
                hint=f"Verifiers that run: {', '.join(running) or 'none'}. --verify NAME,NAME selects them.",
            )
        needs = next(one.needs for one in verifiers if one.name == name)
        if "sandbox" in needs and settings.sandbox == "off":
            raise ConfigError(
                f"answer.require names {quoted(name)}, which runs programs, but the sandbox is off",
                hint="Leave out --sandbox off, or do not require this verifier.",
            )
    return verifiers


def make_verification(settings: AnswerSettings, verifiers: Sequence[Verifier]) -> Verification:
    """Return how answers are verified."""
    imports = domain_folder.load(settings.domain).imports
    return Verification(
        verifiers=tuple(verifiers),
        required=frozenset(settings.require),
        run=run_in_sandbox(settings.sandbox, imports),
        imports=imports,
        limits=json.dumps(asdict(_LIMITS), sort_keys=True),
    )


def run_in_sandbox(name: SandboxName, imports: Sequence[str]) -> RunProgram:
    """Return a function that runs programs; without a sandbox it runs nothing, and says why.

    The sandbox is tested when the first program is run.

    Args:
        name: the back end; `auto` for the first that holds, `off` for none.
        imports: packages that programs may import.
    """
    told = False

    def run(program: str, files: Mapping[str, str]) -> Execution:
        nonlocal told
        if name == "off":
            return Execution(state="not run", stderr="the sandbox is off")
        try:
            result = sandbox.choose(name).run(program, files=files, limits=_LIMITS, packages=imports)
        except SandboxError as error:
            if not told:
                told = True
                _LOG.warning("programs of verifiers are not run: %s. %s", error, error.hint)
            return Execution(state="not run", stderr=str(error))
        return Execution(
            state=result.state,
            stdout=result.stdout,
            stderr=result.stderr,
            exit_code=result.exit_code,
            seconds=result.seconds,
        )

    return run
