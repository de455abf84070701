"""`kgsynth sample`: draw combinations of concepts."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from kgsynth import pipeline
from kgsynth.cli.given import GivenPath
from kgsynth.cli.options import env, graph_settings, open_graph, progress, report, settings_from, settings_options
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.errors import ConfigError
from kgsynth.files import atomic
from kgsynth.records import Combination, StageCount
from kgsynth.settings import RunConfig, SampleSettings


@click.command()
@click.option(
    "-o",
    "--output",
    type=GivenPath(dir_okay=False),
    help="File to write, .jsonl or .parquet.  [default: print a table on a terminal, else JSON Lines]",
)
@settings_options(
    SampleSettings,
    (
        "seed",
        "combinations",
        "epochs",
        "start",
        "within",
        "query_timeout_s",
        "favour",
        "earlier",
        "engine",
        "batch_size",
        "sessions",
        "min_concepts",
        "grounding_documents",
        "grounding",
    ),
    flags={"query_timeout_s": "--timeout"},
)
@click.pass_context
def sample(ctx: click.Context, /, output: Path | None, **values: Any) -> None:
    """Draw combinations of concepts by weighted walks for level 3, each grounded in documents.

    \b
    kgsynth sample --combinations 1000 --seed 1 -o combinations.jsonl
    kgsynth sample --epochs 2 --seed 1 --within lens.cypher -o drawn.parquet
    kgsynth sample --combinations 1000 --seed 2 --favour unused \\
        --earlier combinations.jsonl -o more.jsonl
    """
    settings = settings_from(SampleSettings, values)
    if output is not None and output.suffix not in (".jsonl", ".parquet"):
        raise ConfigError(f"{output}: the file ending selects the format; give .jsonl or .parquet")
    config = RunConfig(graph=graph_settings(ctx), sample=settings)
    pipeline.refuse_stage(env(), config, "sample", folder=None if output is None else output.parent)
    count = StageCount(stage="sample", unit="walks")
    bar = progress()
    with open_graph(ctx) as graph, pipeline.timed_stage(count, report):
        if output is not None and output.suffix == ".parquet":
            pipeline.sample_to_parquet(graph, env(), settings, count, output, progress=bar)
        else:
            _show(pipeline.sample(graph, env(), settings, count, progress=bar), output)
    if output is not None:
        say(f"{count.kept:,} combinations in {output}", err=True)


def _show(drawn: Iterable[Combination], output: Path | None) -> None:
    """Write combinations to a file, print them as a table on a terminal, or print them as JSON Lines."""
    if output is not None:
        with atomic(output) as partial:
            _write_jsonl(partial, drawn)
    elif sys.stdout.isatty():
        show_combinations(list(drawn))
    else:
        for combination in drawn:
            click.echo(json.dumps(combination.to_row(), ensure_ascii=False))


def show_combinations(combinations: Iterable[Combination]) -> None:
    """Print combinations as a table, with the names of terms instead of their ids."""

    def names(terms: Iterable[str]) -> str:
        return ", ".join(term.partition(":")[2] for term in terms)

    show_table(
        ("topics", "concepts", "documents (Jaccard)"),
        [
            (
                names(combination.topics),
                names(combination.concepts),
                ", ".join(f"{document.id} ({document.jaccard:.2f})" for document in combination.documents),
            )
            for combination in combinations
        ],
    )


def _write_jsonl(path: Path, combinations: Iterable[Combination]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for combination in combinations:
            file.write(json.dumps(combination.to_row(), ensure_ascii=False) + "\n")
