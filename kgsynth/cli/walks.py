"""`kgsynth sample`: combinations."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgsynth import pipeline
from kgsynth.cli.options import env, open_graph, progress, report, settings_from, settings_options
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.config import SampleSettings
from kgsynth.errors import ConfigError
from kgsynth.progress import Progress, shown
from kgsynth.records import Combination, StageCount

if TYPE_CHECKING:
    import pyarrow


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .jsonl or .parquet file.  [default: a table on a terminal, else JSON Lines]",
)
@settings_options(
    SampleSettings,
    helps={
        "seed": "The seed of all draws (required).",
        "combinations": "How many combinations to draw.",
        "epochs": "How often to start from every topic, instead of --combinations.  [default: 5]",
        "start": "A .cypher file that returns the ids of topics to start from.",
        "within": "A .cypher file that returns the ids that may be visited, optionally with a weight.",
        "favour": "unused: concepts and pairs that earlier combinations have not used.",
        "earlier": "A file of earlier combinations, for --favour.  [default: those that the graph holds]",
        "engine": "Who walks: the graph's queries, or compiled code on arrays; the combinations do not depend on it.",
        "batch_size": "Walks a query; the combinations do not depend on it.",
        "sessions": "Queries at once; the combinations do not depend on it.",
        "min_concepts": "Concepts a combination needs at least.",
        "grounding_documents": "Documents given to each combination.",
    },
)
@click.pass_context
def sample(ctx: click.Context, /, output: Path | None, **values: Any) -> None:
    """Draw combinations of concepts by weighted level-3 walks, each grounded in its documents.

    \b
    kgsynth sample --combinations 1000 --seed 1 -o combinations.jsonl
    kgsynth sample --epochs 2 --seed 1 --within lens.cypher -o combinations.parquet
    kgsynth sample --combinations 1000 --seed 2 --favour unused --earlier combinations.jsonl -o more.jsonl
    """
    settings = settings_from(SampleSettings, "sample", values)
    if output is not None and output.suffix not in (".jsonl", ".parquet"):
        raise ConfigError(f"{output}: the ending says the form; give .jsonl or .parquet")
    count = StageCount(stage="sample", unit="walks")
    bar = progress()
    with open_graph(ctx) as graph, pipeline.timed(count, report), shown(bar, "sample", settings.combinations):
        if output is not None and output.suffix == ".parquet":
            with _whole(output) as partial:
                _write_parquet(partial, pipeline.sample_columns(graph, env(), settings, count, progress=bar))
        else:
            _show(pipeline.sample(graph, env(), settings, count, progress=bar), output, bar)
    if output is not None:
        say(f"{count.kept:,} combinations in {output}", err=True)


def _show(drawn: Iterable[Combination], output: Path | None, bar: Progress) -> None:
    """Combinations into a file, as a table on a terminal, or as JSON Lines."""
    if output is not None:
        with _whole(output) as partial:
            _write_jsonl(partial, drawn)
    elif sys.stdout.isatty():
        rows = list(drawn)
        bar.done()
        show_combinations(rows)
    else:
        for one in drawn:
            click.echo(json.dumps(one.to_row(), ensure_ascii=False))


def show_combinations(rows: Iterable[Combination]) -> None:
    """Combinations as a table for people."""

    def names(terms: Iterable[str]) -> str:
        return ", ".join(term.partition(":")[2] for term in terms)

    show_table(
        ("topics", "concepts", "documents (Jaccard)"),
        [
            (
                names(one.topics),
                names(one.concepts),
                ", ".join(f"{document.id} ({document.jaccard:.2f})" for document in one.documents),
            )
            for one in rows
        ],
    )


def _write_jsonl(path: Path, rows: Iterable[Combination]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for one in rows:
            file.write(json.dumps(one.to_row(), ensure_ascii=False) + "\n")


def _write_parquet(path: Path, batches: "Iterable[pyarrow.RecordBatch]") -> None:
    import pyarrow.parquet

    from kgsynth.walks.columns import SCHEMA

    with pyarrow.parquet.ParquetWriter(path, SCHEMA) as writer:
        for batch in batches:
            writer.write_batch(batch)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file that appears when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
