"""`kgsynth filter`: keep the documents of a domain, all at once or step by step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
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
from kgsynth.settings import DocumentsSettings, FilterSettings, RunConfig, SyllabusSettings

_sources = click.argument("sources", type=GIVEN_TEXT, nargs=-1, required=True)
_work_dir = click.option(
    "--work-dir",
    required=True,
    type=GivenPath(file_okay=False),
    help="Folder for all files of the filter.",
)
_positives = click.option(
    "--positives",
    type=GIVEN_TEXT,
    required=True,
    multiple=True,
    help="Example documents of the domain, read with the same settings as the corpus; may be given several times.",
)
_documents = settings_options(DocumentsSettings, SOURCES)
_checks = settings_options(
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
_backend_names = tuple(name for name in BACKEND if name != "seed")
_backend = settings_options(FilterSettings, _backend_names)


@click.group(name="filter")
def filter_group() -> None:
    """Keep the documents of a domain: from examples, a first model, rounds of rating by a language model, a cut.

    \b
    kgsynth filter run corpus.jsonl --positives good.jsonl --domain general \\
        --url http://127.0.0.1:8000 --seed 1 --work-dir filtered
    kgsynth filter report filtered -o filter.html
    kgsynth extract filtered/kept.jsonl -o annotations.jsonl
    kgsynth load filtered/kept.jsonl --annotations annotations.jsonl

    The single steps are syllabus, embed, start, then rate and fine for each round, and keep; their files are in
    --work-dir. In a file for `kgsynth run`, set run.filter = true, and use the sections [filter] and [syllabus].
    """


@filter_group.command("run")
@_sources
@settings_options(FilterSettings, ["positives"])
@_syllabus
@_work_dir
@_model
@settings_options(FilterSettings, ["rounds"])
@_rating
@_checks
@_backend
@_documents
def run_command(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Run all steps on SOURCES. The same command continues an interrupted run."""
    documents = settings_from(DocumentsSettings, values, sources=sources, max_rejected_share=1.0)
    settings, syllabus = asking_settings(FilterSettings, values), asking_settings(SyllabusSettings, values)
    config = RunConfig(documents=documents, filter=settings, syllabus=syllabus)
    inputs = (*sources, *settings.positives)
    pipeline.refuse_stage(env(), config, "read", "filter", folder=work_dir, run_dir=work_dir, inputs=inputs)
    figures = pipeline.run_filter(
        env(),
        documents,
        settings,
        syllabus,
        work_dir=work_dir,
        report=report,
        progress=progress(),
    )
    rows = [["start", f"{figures['start']['selected']:,}", "", "", "", ""]]
    for number, round_figures in enumerate(figures["rounds"], 1):
        agreement = round_figures["agreement"]
        rows.append(
            [
                f"round {number}",
                f"{round_figures['selected']:,}",
                f"{round_figures['added']:,}",
                f"{round_figures['removed']:,}",
                _shown(agreement.get("correlation")),
                _shown(agreement.get("same_side")),
            ]
        )
    show_table(("", "selected", "added", "removed", "correlation", "same side of the cut"), rows)
    last = figures["rounds"][-1] if figures["rounds"] else figures["start"]
    for name in ("just_above", "just_below"):
        say(f"\n{name.replace('_', ' ')} the cut:")
        for document in last[name][:5]:
            say(f"  {document['score']:.2f}  {document['id']}  {document['title'][:80]}")
    share_text = _share_text(figures["start"])
    say(
        f"\n{figures['kept']:,} documents in {work_dir / 'kept.jsonl'}; the rest in dropped.jsonl. To write a page: "
        f"kgsynth filter report {work_dir} -o filter.html{share_text}",
        err=True,
    )


def _share_text(start: Mapping[str, Any]) -> str:
    """Return what the examples tell about the corpus; empty if there were too few for an estimate."""
    share, precision = start.get("estimated_share"), start.get("expected_precision")
    if share is None or precision is None:
        return ""
    return (
        f". According to the examples, about {share:.0%} of the corpus belongs to the domain, and the first model's "
        f"precision is {precision:.2f}. On known corpora this precision was up to 0.1 too high, and up to 0.2 where "
        "the domain was 1 or 2 % of the corpus."
    )


@filter_group.command(name="report")
@click.argument("work_dir", type=GivenPath(exists=True, file_okay=False))
@click.option("-o", "--output", required=True, type=GivenPath(dir_okay=False), help="HTML page to write.")
def report_command(work_dir: Path, output: Path) -> None:
    """Write an HTML page about a finished filter.

    It shows sizes, scores, agreement, changes and documents near the cut.
    """
    html = page.filter_page(pipeline.read_figures(work_dir))
    with atomic(output) as partial:
        partial.write_text(html, encoding="utf-8")
    say(f"report in {output}", err=True)


@filter_group.command()
@_syllabus
@click.option("-o", "--output", required=True, type=GivenPath(dir_okay=False), help="JSON Lines file to write.")
@click.option(
    "--run-dir",
    required=True,
    type=GivenPath(file_okay=False),
    help="Run folder: it is created, or an unfinished run in it is continued.",
)
@settings_options(SyllabusSettings, ["seed", *_backend_names])
def syllabus(output: Path, run_dir: Path, **values: Any) -> None:
    """Write examples of the domain with a model.

    It writes disciplines, a syllabus for each, and four texts of different kinds per item.
    """
    settings = asking_settings(SyllabusSettings, values)
    folder = pipeline.write_syllabus(
        env(), settings, run_dir=run_dir, output=output, report=report, progress=progress()
    )
    say(f"the documents are in {output}, the run is in {folder.path}", err=True)


@filter_group.command()
@_sources
@_work_dir
@_checks
@_documents
def embed(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Check each document of SOURCES, and embed those that pass."""
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
@_checks
@_documents
def start(work_dir: Path, positives: tuple[str, ...], **values: Any) -> None:
    """Score each document for the domain before the first rating.

    The scores come from the examples and from documents that are drawn from the corpus.
    """
    pipeline.cold_start(
        env(),
        pipeline.read_corpus(work_dir),
        settings_from(FilterSettings, values),
        work_dir=work_dir,
        positives=settings_from(DocumentsSettings, values, sources=positives),
        report=report,
    )
    say(f"scores are in {work_dir / 'start.parquet'}", err=True)


@filter_group.command()
@_sources
@_work_dir
@_model
@_rating
@_backend
@_documents
def rate(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Rate documents for the next round.

    Half of them are drawn from the current selection, half from the rest of the corpus.
    """
    settings = asking_settings(FilterSettings, values)
    corpus = pipeline.read_corpus(work_dir)
    finished_rounds = pipeline.known_rounds(work_dir)
    earlier = pipeline.rating_runs(work_dir) if finished_rounds else []
    scores, selected = pipeline.selected_documents(corpus, settings, work_dir=work_dir)
    folder = pipeline.rate_documents(
        env(),
        corpus,
        settings_from(DocumentsSettings, values, sources=sources, max_rejected_share=1.0),
        settings,
        selected=selected,
        scores=scores,
        earlier=earlier[:finished_rounds],
        number=finished_rounds + 1,
        work_dir=work_dir,
        report=report,
        progress=progress(),
    )
    say(f"ratings are in {folder.path}; `kgsynth filter fine` computes scores from them", err=True)


@filter_group.command()
@_work_dir
@_model
@_rating
def fine(work_dir: Path, **values: Any) -> None:
    """Score the whole corpus with a model trained on all ratings."""
    corpus = pipeline.read_corpus(work_dir)
    folders = pipeline.rating_runs(work_dir)
    _, figures = pipeline.fit_scores(
        corpus,
        settings_from(FilterSettings, values),
        ratings=folders,
        number=len(folders),
        work_dir=work_dir,
        report=report,
    )
    rows = [("ratings", figures["ratings"]), ("mean rating", figures["mean_rating"]), *figures["agreement"].items()]
    show_table(("", "value"), [[name.replace("_", " "), _shown(value)] for name, value in rows])
    say(f"scores are in {work_dir / f'round-{len(folders)}' / 'scores.parquet'}", err=True)


@filter_group.command()
@_sources
@_work_dir
@settings_options(FilterSettings, ["min_score"])
@_documents
def keep(sources: tuple[str, ...], work_dir: Path, **values: Any) -> None:
    """Write kept.jsonl and dropped.jsonl from the latest scores.

    Repeat it to use another cut.
    """
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
