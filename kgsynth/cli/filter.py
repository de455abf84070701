"""`kgsynth filter`: keep the documents of a domain, step by step or all at once."""

from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.options import (
    BACKEND,
    SOURCES,
    asking_settings,
    env,
    progress,
    report,
    settings_from,
    settings_options,
)
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.files import atomic
from kgsynth.pipeline import page
from kgsynth.settings import DocumentsSettings, FilterSettings, SyllabusSettings

_sources = click.argument("sources", nargs=-1, required=True)
_work_dir = click.option(
    "--work-dir",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for everything that the filter writes.",
)
_positives = click.option(
    "--positives",
    required=True,
    multiple=True,
    help="Example documents of the domain, read like the corpus; may be given several times.",
)
_documents = settings_options(DocumentsSettings, SOURCES)
_look = settings_options(
    FilterSettings,
    (
        "min_words",
        "language",
        "near_duplicates",
        "window_words",
        "windows",
    ),
)
_model = settings_options(
    FilterSettings,
    (
        "seed",
        "method",
        "recall",
        "precision",
        "negatives",
    ),
)
_rating = settings_options(
    FilterSettings,
    (
        "rated",
        "score",
        "min_score",
    ),
)
_syllabus = settings_options(
    SyllabusSettings,
    ("disciplines", "items"),
)
_texts = tuple(name for name in BACKEND if name != "seed")
_backend = settings_options(FilterSettings, _texts)


@click.group(name="filter")
def filter_group() -> None:
    """Keep the documents of a domain: examples, a first model, rounds of rating by a language model, a cut.

    \b
    kgsynth filter run corpus.jsonl --positives good.jsonl --url http://127.0.0.1:8000 --seed 1 --work-dir filtered
    kgsynth filter report filtered -o filter.html
    kgsynth extract filtered/kept.jsonl -o annotations.jsonl
    kgsynth load filtered/kept.jsonl --annotations annotations.jsonl

    The steps alone: syllabus, embed, start, then rate and fine for each round, keep; they leave their files in
    --work-dir.
    In a file for `kgsynth run`: run.filter = true, and the sections [filter] and [syllabus].
    """


@filter_group.command("run")
@_sources
@settings_options(FilterSettings, ["positives"])
@_syllabus
@_work_dir
@_model
@settings_options(FilterSettings, ["rounds"])
@_rating
@_look
@_backend
@_documents
def run_command(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Run all steps on SOURCES. A run that was killed is continued by the same command."""
    figures = pipeline.run_filter(
        env(),
        settings_from(DocumentsSettings, values, sources=sources, max_rejected_share=1.0),
        asking_settings(FilterSettings, values),
        asking_settings(SyllabusSettings, values),
        work_dir=work_dir,
        report=report,
        progress=progress(),
    )
    rows = [["start", f"{figures['start']['selected']:,}", "", "", "", ""]]
    for number, one in enumerate(figures["rounds"], 1):
        agreed = one["agreement"]
        rows.append(
            [
                f"round {number}",
                f"{one['selected']:,}",
                f"{one['added']:,}",
                f"{one['removed']:,}",
                _shown(agreed.get("correlation")),
                _shown(agreed.get("same_side")),
            ]
        )
    show_table(("", "selected", "added", "removed", "correlation", "same side of the cut"), rows)
    last = figures["rounds"][-1] if figures["rounds"] else figures["start"]
    for name in ("just_above", "just_below"):
        say(f"\n{name.replace('_', ' ')} the cut:")
        for one in last[name][:5]:
            say(f"  {one['score']:.2f}  {one['id']}  {one['title'][:80]}")
    share = figures["start"].get("estimated_share")
    said = "" if share is None else f". By the examples about {share:.0%} of the corpus belong to the domain."
    say(
        f"\n{figures['kept']:,} documents in {work_dir / 'kept.jsonl'}; the rest in dropped.jsonl. A page about it: "
        f"kgsynth filter report {work_dir} -o filter.html{said}",
        err=True,
    )


@filter_group.command(name="report")
@click.argument("work_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="HTML page to write."
)
def report_command(work_dir: Path, output: Path) -> None:
    """Write an HTML page about a finished filter: sizes, scores, agreement, doubt, changes, documents near the cut."""
    made = page.filter_page(pipeline.read_figures(work_dir))
    with atomic(output) as partial:
        partial.write_text(made, encoding="utf-8")
    say(f"report in {output}", err=True)


@filter_group.command()
@_syllabus
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON Lines file to write."
)
@click.option("--run-dir", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the run.")
@settings_options(SyllabusSettings, ["seed", *_texts])
def syllabus(output: Path, run_dir: Path, **values: Any) -> None:
    """Write examples of the domain: disciplines, a syllabus for each, and four kinds of text per item."""
    settings = asking_settings(SyllabusSettings, values)
    folder = pipeline.write_syllabus(
        env(), settings, run_dir=run_dir, output=output, report=report, progress=progress()
    )
    say(f"documents in {output}; the run in {folder.path}", err=True)


@filter_group.command()
@_sources
@_work_dir
@_look
@_documents
def embed(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Check each document of SOURCES once, and embed those that pass."""
    pipeline.embed(
        env(),
        settings_from(DocumentsSettings, values, sources=sources, max_rejected_share=1.0),
        settings_from(FilterSettings, values),
        work_dir=work_dir,
        report=report,
        progress=progress(),
    )


@filter_group.command()
@_work_dir
@_positives
@_model
@_look
@_documents
def start(work_dir: Path, positives: tuple[str, ...], **values: Any) -> None:
    """Cold start: estimate the probability that each document belongs, from examples and a draw from the corpus."""
    pipeline.cold_start(
        env(),
        pipeline.read_corpus(work_dir),
        settings_from(FilterSettings, values),
        work_dir=work_dir,
        positives=settings_from(DocumentsSettings, values, sources=positives),
        report=report,
    )
    say(f"chances in {work_dir / 'start.parquet'}", err=True)


@filter_group.command()
@_sources
@_work_dir
@_model
@_rating
@_backend
@_documents
def rate(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Rate documents from the selection and from a new draw: the next round."""
    settings = asking_settings(FilterSettings, values)
    corpus = pipeline.read_corpus(work_dir)
    done = pipeline.known_rounds(work_dir)
    earlier = pipeline.rating_runs(work_dir) if done else []
    scores, selected = pipeline.selected_documents(corpus, settings, work_dir=work_dir)
    folder = pipeline.rate_documents(
        env(),
        corpus,
        settings_from(DocumentsSettings, values, sources=sources, max_rejected_share=1.0),
        settings,
        selected=selected,
        scores=scores,
        earlier=earlier[:done],
        number=done + 1,
        work_dir=work_dir,
        report=report,
        progress=progress(),
    )
    say(f"ratings in {folder.path}; `kgsynth filter fine` makes scores of them", err=True)


@filter_group.command()
@_work_dir
@_model
@_rating
def fine(work_dir: Path, **values: Any) -> None:
    """Score the whole corpus with a model trained on all ratings so far."""
    corpus = pipeline.read_corpus(work_dir)
    folders = pipeline.rating_runs(work_dir)
    _, said = pipeline.fit_scores(
        corpus,
        settings_from(FilterSettings, values),
        ratings=folders,
        number=len(folders),
        work_dir=work_dir,
        report=report,
    )
    rows = [("ratings", said["ratings"]), ("mean rating", said["mean_rating"]), *said["agreement"].items()]
    show_table(("", "value"), [[name.replace("_", " "), _shown(value)] for name, value in rows])
    say(f"scores in {work_dir / f'round-{len(folders)}' / 'scores.parquet'}", err=True)


@filter_group.command()
@_sources
@_work_dir
@settings_options(FilterSettings, ["min_score"])
@_documents
def keep(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Write kept.jsonl and dropped.jsonl from the latest scores, for example with another cut."""
    kept = pipeline.write_selection(
        pipeline.read_corpus(work_dir),
        settings_from(DocumentsSettings, values, sources=sources, max_rejected_share=1.0),
        settings_from(FilterSettings, values),
        work_dir=work_dir,
        report=report,
    )
    say(f"{kept:,} documents in {work_dir / 'kept.jsonl'}; the rest in dropped.jsonl", err=True)


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
