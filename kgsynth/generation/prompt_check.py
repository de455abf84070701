"""Check the folder of a domain before a run: templates with their examples, `domain.toml`, and the cases of verifiers.

A model writes like its examples: an example that the stage cannot parse teaches the model output that is rejected.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgsynth import verifier
from kgsynth.domain_folder import CASES_FILE, SETTINGS_FILE, VerifierCase, cases, folder_of, load
from kgsynth.errors import ConfigError, KgsynthError
from kgsynth.final_answers import final_answer
from kgsynth.generation import prompts
from kgsynth.generation.backend import Completion
from kgsynth.generation.extraction import read_part
from kgsynth.generation.rating import ASPECTS
from kgsynth.records import AnsweredQuestion
from kgsynth.texts import blocks, parse_json
from kgsynth.verifier import RunProgram, not_run


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateCheck:
    """Result for one template: `problem` is empty if it is valid, `hash` is empty if the file does not exist."""

    task: str
    hash: str = ""
    examples: int = 0
    problem: str = ""


def check_folder(
    folder: Path, *, runner: Callable[[Sequence[str]], RunProgram] = lambda _: not_run
) -> list[TemplateCheck]:
    """Check the templates, the settings and the cases in a domain's folder.

    Args:
        folder: the folder.
        runner: returns a function that runs programs with the given packages.

    Raises:
        ConfigError: the folder does not exist, or contains no template.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder", hint="Run `kgsynth prompts copy DOMAIN FOLDER` to create one.")
    name = str(folder.absolute())
    verifying = [task for task in prompts.tasks_of(name) if task.startswith(prompts.VERIFY)]
    checks = [_check(folder, task) for task in (*prompts.TASKS, *verifying)]
    if not any(check.hash or check.problem for check in checks):
        raise ConfigError(
            f"{folder} contains no template", hint=f"The names of templates are {', '.join(prompts.TASKS)}, with .txt."
        )
    unknown = sorted(file.name for file in folder.glob("*.txt") if file.stem not in (*prompts.TASKS, *verifying))
    checks += [TemplateCheck(task=name, problem="there is no task with this name") for name in unknown]
    try:
        prompts.question_form(name)
    except ConfigError as error:
        checks.append(TemplateCheck(task="question.regex", problem=str(error)))
    return [*checks, *_check_settings(name), *_check_cases(name, runner)]


def _check_settings(name: str) -> Iterator[TemplateCheck]:
    """Check `domain.toml`: whether it is valid, and whether its verifiers are installed and have their templates."""
    if not (folder_of(name) / SETTINGS_FILE).is_file():
        return
    problem = ""
    try:
        verifiers = verifier.load_all(load(name).verifiers)
        tasks = prompts.tasks_of(name)
        missing = [one.name for one in verifiers if one.texts and prompts.VERIFY + one.name not in tasks]
        problem = f"no template {prompts.VERIFY}{missing[0]}.txt for the verifier {missing[0]!r}" if missing else ""
    except KgsynthError as error:
        problem = _sentences(error)
    yield TemplateCheck(task=SETTINGS_FILE, hash="" if problem else SETTINGS_FILE, problem=problem)


def _check_cases(name: str, runner: Callable[[Sequence[str]], RunProgram]) -> Iterator[TemplateCheck]:
    """Check whether verifiers give the verdicts that `cases.toml` states; without a sandbox, some are not tried."""
    not_tried = 0

    def run(program: str, files: Mapping[str, str]) -> verifier.Execution:
        nonlocal not_tried
        done = runner(domain.imports)(program, files)
        not_tried += done.state == "not run"
        return done

    try:
        domain, stated = load(name), cases(name)
        for number, case in enumerate(stated, 1):
            finding = verifier.load(case.verifier).check(_as_case(case, run, domain.imports))
            if finding.verdict != case.verdict and not not_tried:
                reason = f" ({finding.reason})" if finding.reason else ""
                problem = f"case {number}: {case.verifier} says {finding.verdict}{reason}, not {case.verdict}"
                yield TemplateCheck(task=CASES_FILE, problem=problem)
                return
    except KgsynthError as error:
        yield TemplateCheck(task=CASES_FILE, problem=_sentences(error))
        return
    if stated:
        yield TemplateCheck(task=CASES_FILE, hash=CASES_FILE, examples=len(stated))


def _as_case(case: VerifierCase, run: RunProgram, imports: tuple[str, ...]) -> verifier.Case:
    question = AnsweredQuestion(
        id="q-case",
        text=case.question,
        answer=case.answer,
        final_answer=final_answer(case.answer),
        options=case.options,
        answer_key=case.key,
    )
    votes = case.votes or (case.answer,)
    passages = tuple(
        verifier.Passage(document=str(number), title="", text=text) for number, text in enumerate(case.passages, 1)
    )
    kept_vote = votes.index(case.answer) if case.answer in votes else 0
    return verifier.Case(
        question=question,
        votes=votes,
        kept_vote=kept_vote,
        passages=passages,
        texts=case.texts,
        run=run,
        imports=imports,
    )


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


def _sentences(error: KgsynthError) -> str:
    """Return the message of an error and its hint; a question mark ends a message, too."""
    message = str(error)
    if not error.hint:
        return message
    return f"{message}{'' if message.endswith('?') else '.'} {error.hint}"
