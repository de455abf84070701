"""`kgsynth curate` and `kgsynth export`: select questions, and write the training set."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import (
    env,
    graph_settings,
    open_graph,
    progress,
    report,
    run_dir_option,
    settings_from,
    settings_options,
)
from kgsynth.cli.say import say
from kgsynth.settings import CurateSettings, ExportSettings, GraphSettings, RunConfig


@click.command()
@click.argument("questions", nargs=-1, required=True, type=GivenPath(exists=True))
@run_dir_option
@click.option("--overwrite", is_flag=True, help="Replace the files that another `kgsynth curate` wrote to the folder.")
@settings_options(
    CurateSettings,
    (
        "benchmarks",
        "benchmark_field",
        "min_overlap",
        "review_cosine",
        "min_jaccard",
        "min_cosine",
        "keep_variants",
        "min_question_chars",
        "max_question_chars",
        "min_answer_chars",
        "max_answer_chars",
        "language",
        "filters",
        "max_rejected_share",
    ),
    flags={"benchmarks": "--benchmark"},
)
def curate(questions: tuple[Path, ...], run_dir: Path | None, overwrite: bool, **values: Any) -> None:
    """Filter QUESTIONS (run folders or files), and remove duplicates and questions from benchmarks.

    \b
    kgsynth curate runs/answers-… --benchmark gsm8k/test.jsonl \\
        --benchmark MATH/test --review-cosine 0.85
    """
    settings = settings_from(CurateSettings, values)
    pipeline.refuse_stage(env(), RunConfig(curate=settings), "curate", folder=run_dir or Path("runs"))
    folder = pipeline.curate(
        env(),
        settings,
        questions=questions,
        run_dir=run_dir,
        overwrite=overwrite,
        report=report,
        progress=progress(),
    )
    say(f"curated questions and rejects are in {folder.path}", err=True)
    for file_name in ("contamination.jsonl", "review.jsonl"):
        if (folder.path / file_name).exists() and (folder.path / file_name).stat().st_size:
            say(f"see {folder.path / file_name}", err=True)


@click.command()
@click.argument("curated", type=GivenPath(exists=True, file_okay=False))
@click.option("-o", "--output", required=True, type=GivenPath(file_okay=False), help="Folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace the folder of an earlier export.")
@click.option(
    "--push-to-hub",
    type=GIVEN_TEXT,
    metavar="OWNER/NAME",
    help="Upload the folder to this data set on the Hugging Face Hub, in one commit. The token comes from HF_TOKEN or "
    "`hf auth login`, the address of the Hub from HF_ENDPOINT.",
)
@click.option("--private", is_flag=True, help="Upload to a private data set only; a new one becomes private.")
@settings_options(
    ExportSettings,
    (
        "format",
        "validation_share",
        "system",
        "reasoning",
        "with_passages",
        "passed_by",
        "min_pass_rate",
        "order",
        "name",
        "rows_per_file",
    ),
)
@click.pass_context
def export(
    ctx: click.Context,
    /,
    curated: Path,
    output: Path,
    overwrite: bool,
    push_to_hub: str | None,
    private: bool,
    **values: Any,
) -> None:
    """Write the training set of a CURATED run, with a card (README.md) and all licences (LICENSES.csv).

    \b
    kgsynth export runs/curated-… -o dataset --validation-share 0.05
    kgsynth export runs/curated-… -o chat --format messages
    kgsynth export runs/curated-… -o pairs --format preference
    kgsynth export runs/curated-… -o dataset --push-to-hub my-name/questions
    """
    settings = settings_from(ExportSettings, values)
    if private and not push_to_hub:
        raise click.UsageError("--private needs --push-to-hub OWNER/NAME")
    config = RunConfig(graph=graph_settings(ctx) if settings.with_passages else GraphSettings(), export=settings)
    pipeline.refuse_stage(env(), config, "export", folder=output.parent, uses_graph=settings.with_passages)
    if push_to_hub:
        pipeline.check_hub_access(push_to_hub)
    with open_graph(ctx) if settings.with_passages else nullcontext() as graph:
        exported = pipeline.export(
            curated,
            settings,
            output=output,
            overwrite=overwrite,
            forgotten=pipeline.forgotten_of(env(), curated),
            graph=graph,
            report=report,
            progress=progress(),
        )
    rows = ", ".join(f"{number:,} {split}" for split, number in sorted(exported.rows.items()))
    say(f"{rows} in {exported.folder}", err=True)
    if push_to_hub:
        say(f"uploading {exported.folder} to {push_to_hub}", err=True)
        pushed = pipeline.push_to_hub(exported.folder, push_to_hub, private=private)
        access = "private" if pushed.private else "public"
        done = "uploaded to" if pushed.changed else "nothing has changed in"
        say(f"{done} {pushed.url} ({access}, commit {pushed.commit[:12]})", err=True)
