"""`kgsynth report`: figures of a graph and of runs, as a page and as JSON."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.options import env, open_graph, progress
from kgsynth.cli.say import say
from kgsynth.errors import ConfigError


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN] [RUN_B]", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="HTML page to write; it needs no network to be viewed.",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="File for the same figures as JSON."
)
@click.option(
    "--after",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of earlier combinations; coverage starts from what they have used.  May be given several times.",
)
@click.option(
    "--sample",
    default=pipeline.REPORT_SAMPLE,
    show_default=True,
    type=click.IntRange(0),
    help="Approximate number of questions per level that are compared by embedding; 0: none.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Seed of the draws and of the picture's layout.",
)
@click.pass_context
def report(
    ctx: click.Context,
    /,
    runs: tuple[Path, ...],
    output: Path,
    json_file: Path | None,
    after: tuple[Path, ...],
    sample: int,
    seed: int,
) -> None:
    """Write a page about the graph and what RUN made of it: coverage, diversity, rejects. With RUN_B, side by side.

    A RUN is a folder with runs (that of `kgsynth run` or one above several), or a file of combinations. Without one
    the page is about the combinations, questions and answers in the graph.

    \b
    kgsynth report runs/demo -o demo.html --json demo.json
    kgsynth report plain.jsonl favoured.jsonl --after earlier.jsonl
    """
    _check_outputs([one for one in (output, json_file) if one is not None], [*runs, *after])
    with open_graph(ctx) as graph:
        figures = pipeline.report(
            graph,
            env(),
            runs=runs,
            after=after,
            sample=sample,
            seed=seed,
            progress=progress(),
        )
    pipeline.write_report(figures, output, json_file=json_file)
    for run in figures["runs"]:
        for note in run["notes"]:
            say(f"{run['name']}: {note}", err=True)
    say(f"a report in {output}" + (f", its figures in {json_file}" if json_file else ""), err=True)


def _check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Refuse what could not be written, or would be written over, before any work.

    Raises:
        ConfigError: two files are one, or a folder cannot be written to.
    """
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise ConfigError(f"--output and --json are both {outputs[0]}", hint="Give two files.")
    for path in outputs:
        if path.resolve() in {one.resolve() for one in inputs}:
            raise ConfigError(f"{path} would be written over, and the report reads it", hint="Name another --output.")
        folder = next(one for one in path.absolute().parents if one.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ConfigError(f"{path} cannot be written: {folder} is not a folder that may be written to")
