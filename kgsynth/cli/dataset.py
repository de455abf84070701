"""`kgsynth curate` and `kgsynth export`: from questions to a training set."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.options import env, open_graph, progress, report, run_dir_option, settings_from, settings_options
from kgsynth.cli.say import say
from kgsynth.config import CurateSettings, ExportSettings


@click.command()
@click.argument("questions", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@run_dir_option
@click.option("--overwrite", is_flag=True, help="Replace what another curate wrote to the folder before.")
@settings_options(
    CurateSettings,
    helps={
        "benchmarks": "A benchmark that training data must not hold: .jsonl, .json, .csv, .parquet, or a folder.",
        "benchmark_field": "Its field with the question.  [default: question, problem, prompt, …, the first there is]",
        "min_overlap": "Share of a benchmark question's word runs that makes a hit.",
        "review_cosine": "List benchmark questions this near by embedding for review; .85 is a start.  [default: none]",
        "min_jaccard": "Questions this near by MinHash stand twice.",
        "min_cosine": "Questions this near by embedding stand twice; .95 is a start.  [default: not looked at]",
        "keep_variants": "Keep near duplicates that have other numbers, signs, opposite words or final answers.",
        "min_question_chars": "Shorter questions are refused.",
        "max_question_chars": "Longer questions are refused.",
        "min_answer_chars": "Shorter answers are refused.",
        "max_answer_chars": "Longer answers are refused.",
        "language": "Refuse texts surely in another language (ISO 639-1).",
        "filters": "Refuse by the filters and near duplicates; without, only equal ones and benchmark hits.",
        "max_rejected_share": "Fail when a larger share is refused.",
    },
    flags={"benchmarks": ("--benchmark",)},
)
def curate(questions: tuple[Path, ...], run_dir: Path | None, overwrite: bool, **values: Any) -> None:
    """Keep the QUESTIONS (run folders or files) that are good enough, each once, across all that are given.

    \b
    kgsynth curate runs/answers-… --benchmark gsm8k/test.jsonl --benchmark MATH/test --review-cosine 0.85
    """
    settings = settings_from(CurateSettings, "curate", values)
    folder = pipeline.curate(
        env(),
        settings,
        questions=questions,
        run_dir=run_dir,
        overwrite=overwrite,
        report=report,
        progress=progress(),
    )
    say(f"curated questions in {folder.path}; rejects beside them", err=True)
    for name in ("contamination.jsonl", "review.jsonl"):
        if (folder.path / name).exists() and (folder.path / name).stat().st_size:
            say(f"look at {folder.path / name}", err=True)


@click.command()
@click.argument("curated", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="The folder to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a folder that an export wrote before.")
@settings_options(
    ExportSettings,
    helps={
        "format": "datasets: a folder that Hugging Face datasets loads; messages: ChatML or OpenAI turns; preference: "
        "prompt, chosen and rejected answer.",
        "validation_share": "Share for validation; questions of one combination or document stay together.",
        "system": "First turn of every conversation.",
        "reasoning": "A model's thoughts: left out, in a field of their own, or as <think>…</think> before the answer.",
        "with_passages": "Add the text that each question was grounded in, with its licence, from the graph.",
        "name": "Name in the card.  [default: that of the folder]",
        "rows_per_file": "Most rows per file.",
    },
)
@click.pass_context
def export(ctx: click.Context, /, curated: Path, output: Path, overwrite: bool, **values: Any) -> None:
    """Write the training set of a CURATED run, with a card (README.md) and all licences (LICENSES.csv).

    \b
    kgsynth export runs/curated-… -o dataset --validation-share 0.05
    kgsynth export runs/curated-… -o chat --format messages
    kgsynth export runs/curated-… -o pairs --format preference
    """
    settings = settings_from(ExportSettings, "export", values)
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
