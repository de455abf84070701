"""`kgsynth extract`, `kgsynth load` and `kgsynth loaders`: extract concepts, and load documents into the graph."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.co_occurrences import co_occurrences_option
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import (
    BACKEND,
    SOURCES,
    asking_settings,
    env,
    graph_settings,
    open_graph,
    progress,
    report,
    run_dir_option,
    settings_from,
    settings_options,
)
from kgsynth.cli.say import say, say_json, wants_json
from kgsynth.errors import ConfigError
from kgsynth.pipeline import CoOccurrences
from kgsynth.records import StageCount
from kgsynth.settings import DocumentsSettings, ExtractSettings, MergeSettings, RunConfig

_DOCUMENTS = (*SOURCES, "min_words", "max_text_chars", "max_rejected_share")


@click.command()
@click.argument("sources", type=GIVEN_TEXT, nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=GivenPath(dir_okay=False),
    required=True,
    help="Annotation file to write (JSON Lines).",
)
@click.option(
    "--rejects",
    type=GivenPath(dir_okay=False),
    help="File for the rejects.  [default: beside the output]",
)
@settings_options(
    ExtractSettings,
    (
        "method",
        "vocabulary",
        "max_document_share",
        "min_document_count",
        "max_phrases",
        "stop_words",
    ),
    flags={"method": "--with"},
)
@run_dir_option
@settings_options(ExtractSettings, [name for name in BACKEND if name != "max_rejected_share"])
@settings_options(DocumentsSettings, _DOCUMENTS)
def extract(sources: tuple[str, ...], output: Path, rejects: Path | None, run_dir: Path | None, **values: Any) -> None:
    """Find concepts in the documents of SOURCES and write annotations.

    \b
    kgsynth extract corpus.jsonl.gz --with vocabulary -o annotations.jsonl
    kgsynth extract notes/ book.pdf --with keyphrases -o annotations.jsonl
    kgsynth extract corpus.jsonl --with llm --domain general \\
        --url http://127.0.0.1:8000 --seed 1 -o annotations.jsonl

    With llm, the results go to a run folder: the same command continues an interrupted run, and `kgsynth retry`
    retries its rejects.
    """
    documents = settings_from(DocumentsSettings, values, sources=sources)
    settings = asking_settings(ExtractSettings, values)
    rejects = rejects or output.with_suffix(".rejects.jsonl")
    pipeline.refuse_stage(
        env(),
        RunConfig(documents=documents, extract=settings),
        "read",
        "extract",
        folder=output.parent,
        run_dir=run_dir,
        inputs=sources,
    )
    if settings.method == "llm":
        folder = pipeline.extract_with_model(
            env(),
            documents,
            settings,
            run_dir=run_dir,
            output=output,
            rejects=rejects,
            report=report,
            progress=progress(),
        )
        say(f"annotations are in {output}; rejects and manifest are in the run folder {folder.path}", err=True)
        return
    count = pipeline.extract(documents, settings, output=output, rejects=rejects, report=report, progress=progress())
    _say_rejects(count, rejects)


@click.command()
@click.argument("sources", type=GIVEN_TEXT, nargs=-1)
@click.option(
    "-a",
    "--annotations",
    type=GIVEN_TEXT,
    multiple=True,
    help="A file of concept annotations; may be given several times.",
)
@click.option(
    "--bulk",
    "is_bulk",
    is_flag=True,
    help="Load a large corpus into an empty graph: build the whole graph, including walk tables, outside the database, "
    "and import it at once.",
)
@click.option("--merge", "is_merging", is_flag=True, help="With --bulk: also merge near-duplicate terms.")
@co_occurrences_option
@click.option(
    "--pairs",
    type=GIVEN_TEXT,
    multiple=True,
    help="A table of counted co-occurrences, with the fields first, second and count.",
)
@click.option(
    "--rejects",
    type=GivenPath(dir_okay=False),
    default=Path("kgsynth-rejects.jsonl"),
    show_default=True,
    help="File for the rejects.",
)
@settings_options(DocumentsSettings, ("first_field", "second_field", "count_field", *_DOCUMENTS))
@click.pass_context
def load(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    annotations: tuple[str, ...],
    is_bulk: bool,
    is_merging: bool,
    keep: CoOccurrences | None,
    pairs: tuple[str, ...],
    rejects: Path,
    **values: Any,
) -> None:
    """Load the documents of SOURCES, their annotations, or counted pairs into the graph. The command can be repeated.

    \b
    kgsynth load corpus.jsonl.gz --annotations annotations.jsonl
    kgsynth load --bulk --merge corpus.jsonl.gz --annotations annotations.jsonl
    kgsynth load --pairs counts.csv
    """
    if not sources and not annotations and not pairs:
        raise ConfigError("nothing to load", hint="Give documents, --annotations FILE or --pairs FILE.")
    settings = settings_from(DocumentsSettings, values, sources=sources)
    forgotten = pipeline.tombstone_file(env(), graph_settings(ctx, is_new=True))
    if is_bulk and pairs:
        raise ConfigError("--bulk and --pairs exclude each other", hint="Load the pairs afterwards, then build.")
    if is_merging and not is_bulk:
        raise ConfigError("--merge needs --bulk", hint="Without --bulk, run `kgsynth merge` after the load.")
    if keep is not None and not is_bulk:
        raise ConfigError(
            "--co-occurrences needs --bulk", hint="Without --bulk, give it to `kgsynth build` after the load."
        )
    merging = settings_from(MergeSettings, {}) if is_merging else None
    stages = [name for name, is_used in (("read", bool(sources)), ("load", True), ("merge", is_merging)) if is_used]
    pipeline.refuse_stage(
        env(),
        RunConfig(
            graph=graph_settings(ctx, is_new=True), documents=replace(settings, annotations=(*annotations, *pairs))
        ),
        *stages,
        folder=rejects.parent,
        starts_graph=is_bulk,
    )
    if is_bulk:
        counts = pipeline.load_bulk(
            env(),
            graph_settings(ctx, is_new=True),
            settings,
            annotations=annotations,
            merge=merging,
            keep="auto" if keep is None else keep,
            rejects=rejects,
            forgotten=forgotten,
            report=report,
            progress=progress(),
        )
        with open_graph(ctx, is_new=True) as graph:
            pipeline.restore_verdicts(graph, forgotten.current(), report)
        for count in counts:
            if count.stage.startswith("load"):
                _say_rejects(count, rejects)
        return
    with open_graph(ctx, is_new=True) as graph:
        try:
            counts = pipeline.load(
                graph,
                settings,
                annotations=annotations,
                rejects=rejects,
                forgotten=forgotten,
                report=report,
                progress=progress(),
            )
            if pairs:
                counts.append(
                    pipeline.load_pairs(
                        graph, pairs, settings, rejects=rejects.with_stem(rejects.stem + "-pairs"), report=report
                    )
                )
        finally:
            # Documents loaded before an error stay in the graph, so their verdicts must be restored too.
            pipeline.restore_verdicts(graph, forgotten.current(), report)
    for count in counts:
        _say_rejects(count, rejects)


@click.command()
def loaders() -> None:
    """List the installed loaders, grouped by the kind of record that they read."""
    for kind in pipeline.LOADER_KINDS:
        if wants_json():
            say_json({"kind": kind, "loaders": pipeline.loader_names(kind)})
            continue
        say(f"{kind}: {', '.join(pipeline.loader_names(kind))}")


def _say_rejects(count: StageCount, path: Path) -> None:
    if count.rejected:
        say(f"rejects are in {path} and in files beside it", err=True)
