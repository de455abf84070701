"""`kgsynth generate`, `answer` and `retry`: generate questions and answers with a language model."""

from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.given import GivenPath
from kgsynth.cli.options import (
    BACKEND,
    asking_settings,
    env,
    graph_settings,
    open_graph,
    progress,
    report,
    run_dir_option,
    settings_options,
)
from kgsynth.cli.say import say
from kgsynth.errors import ConfigError
from kgsynth.run_folder import RunFolder
from kgsynth.settings import UNDECISIVE, AnswerSettings, BackendSettings, GenerateSettings, GraphSettings, RunConfig


@click.command()
@click.argument(
    "combinations_file",
    metavar="[COMBINATIONS]",
    required=False,
    type=GivenPath(exists=True, dir_okay=False),
)
@run_dir_option
@click.option(
    "--level",
    type=click.Choice(["1", "2", "3"]),
    default="3",
    show_default=True,
    help="Source of the questions. 1: a document; 2: a document and its concepts; 3: the file COMBINATIONS.",
)
@settings_options(
    GenerateSettings,
    ("combinations", "documents", "max_questions", "chosen_by", "min_concepts", "filters", *BACKEND),
)
@click.pass_context
def generate(
    ctx: click.Context, /, combinations_file: Path | None, run_dir: Path | None, level: str, **values: Any
) -> None:
    """Generate questions. The same command continues an interrupted run; rejects are kept with their reasons.

    \b
    kgsynth generate combinations.jsonl --domain general \\
        --url http://127.0.0.1:8000
    kgsynth generate --level 1 --documents 1000 --seed 1 \\
        --domain general --model Qwen/Qwen3-8B
    """
    if level != "3" and combinations_file is not None:
        raise ConfigError(
            f"level {level} is generated from documents, not from combinations", hint="Leave out the file."
        )
    settings = asking_settings(GenerateSettings, values)
    pipeline.refuse_stage(
        env(),
        RunConfig(graph=graph_settings(ctx), generate=replace(settings, levels=(int(level),))),
        "generate",
        folder=run_dir or Path("runs"),
        run_dir=run_dir,
        inputs=[] if combinations_file is None else [escape(str(combinations_file))],
    )
    with open_graph(ctx) as graph:
        folder = pipeline.generate(
            graph,
            env(),
            settings,
            level=int(level),
            combinations=combinations_file,
            run_dir=run_dir,
            report=report,
            progress=progress(),
        )
    _say(folder)


@click.command()
@click.argument("questions", nargs=-1, required=True, type=GivenPath(exists=True))
@run_dir_option
@click.option(
    "--to-graph/--not-to-graph",
    default=True,
    show_default=True,
    help="Also write the answers to the graph, as provenance.",
)
@settings_options(
    AnswerSettings,
    (
        "votes",
        "min_agreement",
        "judge",
        "judge_model",
        "verify",
        "require",
        "sandbox",
        "filters",
        *BACKEND,
    ),
)
@click.pass_context
def answer(
    ctx: click.Context, /, questions: tuple[Path, ...], run_dir: Path | None, to_graph: bool, **values: Any
) -> None:
    """Answer the QUESTIONS of run folders, or of JSONL or Parquet files with a field `text`.

    Final answers are compared by their type: 1/2, 0.5 and 50 % are equal, 5 km and 5 m are not. A reasoning model
    needs larger limits: --max-output-tokens 8000 --context-tokens 32000.

    \b
    kgsynth answer runs/level3-… --votes 5 --min-agreement 0.6 --judge \\
        --domain general --url http://127.0.0.1:8000
    """
    settings = asking_settings(AnswerSettings, values)
    pipeline.refuse_stage(
        env(),
        RunConfig(graph=graph_settings(ctx) if to_graph else GraphSettings(), answer=settings),
        "answer",
        folder=run_dir or Path("runs"),
        run_dir=run_dir,
        inputs=[escape(str(path)) + ("/**/account-*.json" if path.is_dir() else "") for path in questions],
        uses_graph=to_graph,
    )
    graph = open_graph(ctx) if to_graph else None
    try:
        folder = pipeline.answer(
            graph,
            env(),
            settings,
            questions=questions,
            run_dir=run_dir,
            report=report,
            progress=progress(),
        )
    finally:
        if graph is not None:
            graph.close()
    _say(folder)


@click.command()
@click.argument("run", type=GivenPath(exists=True, file_okay=False))
@settings_options(BackendSettings, (*pipeline.RETRY_CHANGES, *UNDECISIVE), shows_defaults=False)
def retry(run: Path, **values: Any) -> None:
    """Retry the rejects of the complete run in the folder RUN with new seeds.

    The results are written to RUN/retry-N and belong to the run. Rejects that another seed cannot change, such as
    documents without text, are not retried. Repeat the command to retry what is rejected again. The options apply only
    to this retry and are recorded with it; without an option, the value of the run applies.

    \b
    kgsynth retry runs/answers-… --max-output-tokens 8000 --context-tokens 32000
    """
    changes = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value not in (None, (), {})
    }
    folder = pipeline.retry(env(), run, report=report, progress=progress(), changes=changes)
    if folder is None:
        say("nothing to retry: another seed cannot change any reject", err=True)
    else:
        _say(folder)


def _say(folder: RunFolder) -> None:
    say(f"{folder.rows_name} and rejects are in {folder.path}", err=True)
