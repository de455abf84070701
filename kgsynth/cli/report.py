"""`kgsynth report`: write figures of a graph and of runs to a page and to JSON."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.given import GivenPath
from kgsynth.cli.options import env, open_graph, progress
from kgsynth.cli.say import say
from kgsynth.errors import ConfigError


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN] [RUN_B]", type=GivenPath(exists=True))
@click.option(
    "-o",
    "--output",
    type=GivenPath(dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="HTML page to write; it can be viewed without network access.",
)
@click.option(
    "--json",
    "json_file",
    type=GivenPath(dir_okay=False),
    help="JSON file to write, with the same figures.",
)
@click.option(
    "--after",
    multiple=True,
    type=GivenPath(exists=True, dir_okay=False),
    help="File of earlier combinations, whose terms and pairs count as used before.  May be given several times.",
)
@click.option(
    "--sample",
    default=pipeline.REPORT_SAMPLE,
    show_default=True,
    type=click.IntRange(0),
    help="Approximate number of questions per level that are compared by embedding; 0 for none.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Seed of the samples and of the layout of the concept picture.",
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
    """Write a page about the graph and RUN: coverage, diversity and rejects. RUN_B is shown beside RUN.

    A RUN is a folder that contains runs, such as that of `kgsynth run`, or a file of combinations. Without a RUN, the
    page is about the combinations, questions and answers in the graph.

    \b
    kgsynth report runs/demo -o demo.html --json demo.json
    kgsynth report plain.jsonl favoured.jsonl --after earlier.jsonl
    """
    _check_outputs([path for path in (output, json_file) if path is not None], [*runs, *after])
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
    say(f"the report is in {output}" + (f", its figures are in {json_file}" if json_file else ""), err=True)


def _check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Check before any work that the outputs can be written and do not overwrite an input.

    Raises:
        ConfigError: both outputs are the same file, an output is also an input, or a folder is not writable.
    """
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise ConfigError(f"--output and --json are both {outputs[0]}", hint="Give two different files.")
    for path in outputs:
        if path.resolve() in {input_path.resolve() for input_path in inputs}:
            raise ConfigError(f"{path} is also an input of the report", hint="Give another --output.")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise ConfigError(f"{path} cannot be written: {folder} is not a writable folder")
