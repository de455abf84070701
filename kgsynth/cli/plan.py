"""`kgsynth plan`: estimate requests, tokens, time and price of a run from a few sample requests."""

from dataclasses import asdict
from pathlib import Path

import click

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import env, graph_of_environment, override_options, overrides_of, progress
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.config import resolve_file
from kgsynth.errors import ConfigError, quoted

_MILLION = 1_000_000


def _as_shares(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for text in texts:
        stage, equals, value = text.partition("=")
        if stage not in pipeline.PLANNED or not equals:
            raise click.BadParameter(
                f"{quoted(text)}: write STAGE=SHARE; stages are {', '.join(pipeline.PLANNED)}", ctx=ctx, param=parameter
            )
        shares[stage] = click.FloatRange(0, 1)(value, parameter, ctx)
    return shares


@click.command()
@click.argument("file", metavar="CONFIG", type=GivenPath(exists=True, dir_okay=False))
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Number of combinations, or of documents, that each stage really asks the model about.",
)
@click.option("--price-in", type=click.FloatRange(min=0), help="Price of one million prompt tokens.")
@click.option("--price-out", type=click.FloatRange(min=0), help="Price of one million output tokens.")
@click.option(
    "--kept-share",
    "kept_shares",
    type=GIVEN_TEXT,
    multiple=True,
    metavar="STAGE=SHARE",
    callback=_as_shares,
    help="Share of rows that a stage keeps, from 0 to 1, instead of the share in the sample; for filter, the share of "
    "documents. STAGE: filter, extract, level1, level2, level3 or answer. May be given several times.",
)
@override_options
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    file: Path,
    samples: int,
    price_in: float | None,
    price_out: float | None,
    kept_shares: dict[str, float],
    overrides: tuple[str, ...],
    url: str | None,
    backend: str | None,
) -> None:
    """Estimate the requests, tokens, hours and price of `kgsynth run CONFIG`.

    All documents are read to count them. The stages run on the first documents, with the model of CONFIG, in a
    temporary graph that is deleted. Hours are those of the sample's rate; a server that answers many requests at once
    is faster. The ratings of a filter are not estimated.

    \b
    kgsynth plan my.toml --price-in 0.20 --price-out 0.80
    kgsynth plan my.toml --kept-share filter=0.1 --kept-share level3=0.7
    """
    resolved = resolve_file(file, overrides_of(ctx, overrides, url, backend), graph=graph_of_environment(ctx))
    pipeline.combinations_of(resolved.config)
    seen = pipeline.preview(env(), resolved, rows=samples, counts_all=True, progress=progress())
    if seen.error is not None:
        raise seen.error
    planned = pipeline.plan(resolved.config, seen, kept_shares)
    if not planned:
        raise ConfigError(
            "this run asks no model", hint=f"It ends with {resolved.config.run.until!r} (run.until), and costs nothing."
        )
    prices = (price_in or 0.0, price_out or 0.0)
    has_price = price_in is not None or price_out is not None
    header = ("stage", "units", "requests", "rows", "prompt tokens", "output tokens", "hours", "price")
    rows: list[list[object]] = []
    for stage, cost in planned.items():
        price = (cost.prompt_tokens * prices[0] + cost.output_tokens * prices[1]) / _MILLION
        values = asdict(cost)
        counts = [values[name] for name in ("units", "requests", "kept", "prompt_tokens", "output_tokens")]
        rows.append([stage, *counts, round(cost.seconds / 3600, 2), round(price, 2) if has_price else ""])
    if len(rows) > 1:
        columns = list(zip(*(row[2:] for row in rows), strict=True))
        sums = [round(sum(column), 2) if column[0] != "" else "" for column in columns]
        sums[1] = ""  # annotations, questions and answers do not add up
        rows.append(["all", "", *sums])
    requests = sum(cost.requests for cost in seen.costs.values())
    units = ", ".join(f"{cost.units} of {stage}" for stage, cost in seen.costs.items())
    say(f"{seen.documents:,} documents; estimated from {requests:,} requests, for units: {units}", err=True)
    for note in seen.notes:
        say(note, err=True)
    if resolved.config.run.filter and "filter" not in kept_shares:
        say(
            "The filter is left out: the estimate counts all documents, as if it kept them all; "
            "--kept-share filter=SHARE changes that.",
            err=True,
        )
    show_table(header, rows)
