"""`kgsynth run`, `demo` and `config`: run all stages of one configuration file, or show its values."""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import click

from kgsynth import config as configuration, pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import (
    ASKING,
    env,
    graph_of_environment,
    name_in_hints,
    override_options,
    overrides_of,
    progress,
    report,
    set_option,
)
from kgsynth.cli.say import say, say_json, say_wrapped, wants_json
from kgsynth.cli.show import show_rows
from kgsynth.cli.walks import show_combinations
from kgsynth.config import Resolved, resolve, resolve_file
from kgsynth.records import AnsweredQuestion, Question

_SHOWN_COMBINATIONS = 3
_SHOWN_QUESTIONS = 3
_ANSWER_CHARS = 400
# Longer lines are hard to read.
_TEXT_WIDTH = 100

_SMALL_MODELS = ("SmolLM2", "Qwen2.5-Coder-0.5B", "Qwen2.5-Coder-1.5B")


@click.command()
@click.argument("file", metavar="CONFIG", type=GivenPath(exists=True, dir_okay=False))
@click.option(
    "--work-dir",
    type=GivenPath(file_okay=False),
    help="Folder for the results.  [default: runs/ and the file's name]",
)
@click.option(
    "--preview",
    "preview_rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run the stages on the first documents, show N rows of each in full, and keep nothing.",
)
@override_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    file: Path,
    work_dir: Path | None,
    preview_rows: int | None,
    overrides: tuple[str, ...],
    url: str | None,
    backend: str | None,
) -> None:
    """Run all stages of the TOML file CONFIG. A repeated call does not ask models again for finished units."""
    resolved = resolve_file(file, overrides_of(ctx, overrides, url, backend), graph=graph_of_environment(ctx))
    if preview_rows is not None:
        seen = pipeline.preview(env(), resolved, rows=preview_rows, report=report, progress=progress())
        for stage, rows in seen.rows.items():
            if not wants_json():
                say(click.style(f"\n{stage}", bold=True) + (":" if rows else ": no row"))
            show_rows(rows, stage=stage)
        for note in seen.notes:
            say(f"\n{note}", err=True)
        say("\nThis was a preview: its graph and files are deleted.", err=True)
        if seen.error is not None:
            raise seen.error
        return
    _run(ctx, resolved, work_dir or Path("runs") / file.stem)


@click.command()
@click.option(
    "--work-dir",
    type=GivenPath(file_okay=False),
    default=Path("runs/demo"),
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--model",
    type=GIVEN_TEXT,
    help="Model of the demo: small (SmolLM2-135M, whose texts make no sense), Qwen2.5-Coder-0.5B-Instruct or "
    "Qwen2.5-Coder-1.5B-Instruct, a model folder, an id of Hugging Face, or the name at --llm.  "
    "[default: Qwen2.5-Coder-0.5B-Instruct; with --llm the server's]",
)
@override_options
@click.pass_context
def demo(
    ctx: click.Context,
    /,
    work_dir: Path,
    model: str | None,
    overrides: tuple[str, ...],
    url: str | None,
    backend: str | None,
) -> None:
    """Run all stages on the documentation of SymPy, SciPy and NetworkX, with a small model on the CPU.

    The first call fetches the model (491 MB, Apache-2.0) and Neo4j. The questions can be read, but are too simple to
    train on: --llm URL uses another model.
    """
    if model is not None or url is not None:
        name = "" if model in (None, "small") else model
        overrides = (*(f"{section}.model={json.dumps(name)}" for section in ASKING), *overrides)
    _run(ctx, resolve(_demo_text(), origin="demo", overrides=overrides_of(ctx, overrides, url, backend)), work_dir)


@click.command()
@click.argument("file", metavar="[CONFIG]", required=False, type=GivenPath(exists=True, dir_okay=False))
@click.option("--demo", is_flag=True, help="Show the demo's configuration instead of a file.")
@set_option
@click.pass_context
def config(ctx: click.Context, /, file: Path | None, demo: bool, overrides: tuple[str, ...]) -> None:
    """Show every key with its value and the origin of the value.

    The origin is default, the file, backend (the section that gives the value), KGSYNTH_GRAPH or --set.
    """
    values, graph = overrides_of(ctx, overrides, None, None), graph_of_environment(ctx)
    if demo:
        resolved = resolve(_demo_text(), origin="demo", overrides=values, graph=graph)
    else:
        resolved = resolve(overrides=values, graph=graph) if file is None else resolve_file(file, values, graph=graph)
    if wants_json():
        say_json(resolved.to_row())
        return
    for line in resolved.lines():
        say(line)


def _demo_text() -> str:
    return resources.files("kgsynth").joinpath("demo.toml").read_text(encoding="utf-8")


def _run(ctx: click.Context, resolved: Resolved, work_dir: Path) -> None:
    environment = env()
    name_in_hints(ctx, resolved.config.graph)
    result = pipeline.run(environment, resolved, work_dir=work_dir, report=report, progress=progress())
    _show(result, environment, resolved, work_dir)


def _show(
    result: "pipeline.RunResult", environment: configuration.Environment, resolved: Resolved, work_dir: Path
) -> None:
    if resolved.config.run.until == "filter":
        folder = result.folders["filter"]
        say(f"\nKept documents in {folder / 'kept.jsonl'}.")
        say(f"To write a page about it: kgsynth filter report {folder} -o filter.html")
        return
    if wants_json():
        counts = {"combinations": result.combination_count, "questions": result.question_count}
        say_json({**counts, "folders": {name: str(folder) for name, folder in result.folders.items()}})
        return
    shown = result.combinations[:_SHOWN_COMBINATIONS]
    say(f"\n{len(shown)} of {result.combination_count:,} combinations:\n")
    show_combinations(shown)
    answers = {answer.id: answer for answer in result.answers}
    questions = _shown(result.questions, answered=result.answers)[:_SHOWN_QUESTIONS]
    if questions:
        say(f"\n{len(questions)} of {result.question_count:,} questions:")
    for question in questions:
        _show_question(question, answers.get(question.id))
    say()
    if questions and questions[0].model.startswith(_SMALL_MODELS):
        say_wrapped(
            f"{questions[0].model} is a small model for two cores, and its answers are often wrong. For questions to "
            "train on, use --llm URL or --set backend.model=FOLDER."
        )
        say()
    say(f"The results are in {work_dir}: combinations.jsonl, and a folder per stage with its rows and rejects:")
    for name, folder in result.folders.items():
        say(f"  {name}: {_relative(folder)}")
    if resolved.config.run.until == "dataset" and "dataset" not in result.folders:
        say("No question is left for a training set; the rejects in answers and curated give the reasons.")
    if environment.neo4j_uri:
        say(f"The graph: {environment.neo4j_uri}")
    else:
        state = pipeline.server_of(environment, resolved.config.graph).status()
        say(f"The graph in Neo4j Browser: {state.browser_url}")
        say(f"  user {state.username}, password in {state.password_file}")
    command, graph = _command(), f"--graph {resolved.config.graph.name}"
    say("\nWhat you can do next:\n")
    if result.page is not None:
        say(f"  questions as a page   open {_relative(result.page)} in your web browser")
    say(f"  rows and rejects      {command} show {work_dir}")
    if not environment.neo4j_uri:
        say(f"  graph, with a guide   {command} {graph} browse")
    say(f"  queries of the graph  {command} {graph} query --list")
    say(f"  page with figures     {command} {graph} report {work_dir} -o report.html")
    if not environment.neo4j_uri:
        say(f"  stop the server       {command} {graph} db stop")


def _shown(questions: Sequence[Question], *, answered: Sequence[AnsweredQuestion]) -> list[Question]:
    """Return the questions that show most first: those with answers, and of these one per combination or document."""
    ids = {answer.id for answer in answered}
    rest = [question for question in questions if question.id not in ids]
    with_final_first = sorted(answered, key=lambda answer: not answer.final_answer)
    return [*_varied(with_final_first), *_varied(rest)]


def _varied(questions: Sequence[Question]) -> list[Question]:
    """Put the first question of each combination, or else of each document, before the others."""
    seen: Counter[tuple[str, ...]] = Counter()
    turns = []
    for question in questions:
        source = (question.combination_id,) if question.combination_id else question.documents
        turns.append(seen[source])
        seen[source] += 1
    return [question for _, question in sorted(zip(turns, questions, strict=True), key=lambda pair: pair[0])]


def _show_question(question: Question, answer: AnsweredQuestion | None) -> None:
    say()
    say_wrapped(question.text, indent="  ", width=_TEXT_WIDTH)
    if answer is not None:
        text = answer.answer
        say("    answer:")
        text = text if len(text) <= _ANSWER_CHARS else text[:_ANSWER_CHARS].rsplit(maxsplit=1)[0] + " …"
        say_wrapped(text, indent="      ", width=_TEXT_WIDTH)
    concepts = ", ".join(term.partition(":")[2] for term in question.concepts)
    for name, value in (("concepts", concepts), ("documents", ", ".join(question.documents))):
        if value:
            say_wrapped(f"{name}: {value}", indent="    ", width=_TEXT_WIDTH)


def _relative(path: Path) -> Path:
    """Return a path as people type it in the present folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _command() -> str:
    """Return how people call this command: by its name if the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if shutil.which("kgsynth") or called.name != "kgsynth":
        return "kgsynth"
    return str(_relative(called.absolute()))
