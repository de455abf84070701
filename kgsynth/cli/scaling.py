"""`kgsynth scaling` and `kgsynth subset`: what more data buys."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from kgsynth import pipeline
from kgsynth.cli.options import env, open_graph, progress, report, settings_from, settings_options
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.errors import ConfigError
from kgsynth.files import atomic, read_json, write_json
from kgsynth.pipeline import page, scaling
from kgsynth.settings import ExportSettings

_CURVE = 120
_fit_file = click.argument("fit_file", metavar="FIT.json", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_law = click.option(
    "--law", type=click.Choice(scaling.LAWS), help="Use only this law.  [default: both, by their weights]"
)
_level = click.option(
    "--level", default=0.9, show_default=True, type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Level of the intervals.",
)  # fmt: skip


@click.group(name="scaling")
def scaling_group() -> None:
    """What more training data buys: fit a scaling law to measurements, predict, plot, plan.

    Sizes are billions of tokens, errors percent.
    """


@scaling_group.command()
@click.argument("points_file", metavar="POINTS.csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="JSON file for the fit."
)
@click.option("--shared-beta/--own-beta", default=True, show_default=True, help="Use one beta for all models.")
@click.option(
    "--tokens-per-sample",
    type=click.FloatRange(0, min_open=True),
    help="Tokens per sample, where the file counts samples.",
)
@click.option(
    "--draws",
    default=500,
    show_default=True,
    type=click.IntRange(20),
    help="Number of simulated fits for the intervals.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of the draws.")
@_level
def fit(
    points_file: Path,
    output: Path,
    shared_beta: bool,
    tokens_per_sample: float | None,
    draws: int,
    seed: int,
    level: float,
) -> None:
    """Fit L(D) = B / (D_l + D^beta) + E and the plain law B / D^beta + E, and weigh both by their AIC.

    \b
    POINTS.csv has columns billion_tokens (or tokens, or samples with --tokens-per-sample) and error_percent (or
    accuracy_percent); model, where there are several; held_out, 1 for points that the fit may not see. Several rows of
    one size are repeated measurements: they give the noise.
    """
    points = scaling.read_points(points_file, tokens_per_sample=tokens_per_sample)
    mixture, left_out = scaling.fit_laws(points, is_shared=shared_beta, draws=draws, seed=seed)
    for one in left_out:
        say(one, err=True)
    found: dict[str, Any] = {}
    rows, checks = [], []
    for fitted in mixture.fits:
        law = fitted.law
        largest = scaling.without_largest(points, law=law, is_shared=shared_beta, draws=draws, seed=seed, level=level)
        found[law] = {**scaling.to_row(fitted), "without_largest": largest}
        rows += _parameter_rows(fitted, level)
        checks += [[law, *map(_cell, _check_row(one))] for one in largest]
    both = scaling.without_largest(points, is_shared=shared_beta, draws=draws, seed=seed, level=level)
    if len(mixture.fits) > 1:
        checks += [["both", *map(_cell, _check_row(one))] for one in both]
    write_json(output, {"laws": found, "without_largest": both, "level": level, "seed": seed})
    show_table(("law", "model", "parameter", "value", "low", "high"), [list(map(_cell, row)) for row in rows])
    if checks:
        say("\nfitted without the largest size of each model:")
        show_table(("law", "model", "billion tokens", "error %", "predicted", "low", "high"), checks)
    for fitted in mixture.fits:
        off = f"errors off by {100 * fitted.deviation:.2g} % of themselves"
        say(f"{fitted.law}: AIC {fitted.aic:.1f}, {off}", err=True)
        for one in _warnings(fitted):
            say(f"warning: {fitted.law} law: {one}", err=True)
    lower = min(mixture.fits, key=lambda one: one.aic).law
    say(f"a fit in {output}; the lower AIC is better: {lower}", err=True)
    say(f"forecasts use {_weighed(mixture)}", err=True)


@scaling_group.command()
@_fit_file
@click.option("--model", help="Which model.  [default: all]")
@click.option("--at", "sizes", default="", metavar="SIZE,…", help="Errors at these sizes, in billions of tokens.")
@click.option("--error", "errors", default="", metavar="PERCENT,…", help="The sizes needed for these errors.")
@_law
@_level
def predict(fit_file: Path, model: str | None, sizes: str, errors: str, law: scaling.Law | None, level: float) -> None:
    """Predict the error for a size, or the size for an error, with intervals."""
    fitted = _fitted(fit_file, law)[0]
    wanted, aims = _numbers(sizes, "--at"), _numbers(errors, "--error")
    if not wanted and not aims:
        raise ConfigError("nothing to predict", hint="Give --at SIZE,… or --error PERCENT,….")
    rows_of_both = bool(wanted and aims)
    rows = []
    far = False
    for name in [model] if model else fitted.models:
        for one in scaling.predict(fitted, name, wanted, level=level):
            rows.append([name, one["billion_tokens"], one["error_percent"], one["low"], one["high"], _far(one)])
            far |= one["far"]
        for aim in aims:
            one = scaling.size_for(fitted, name, aim, level=level)
            rows.append([name, one["billion_tokens"], aim, one["low"], one["high"], _far(one)])
            far |= one["far"]
    header = ("model", "billion tokens", "error %", "low", "high", "")
    show_table(header, [list(map(_cell, row)) for row in rows])
    say(
        f"{_weighed(fitted)}; low and high are of the {'error' if wanted else 'size'}, {level:.0%} intervals of the "
        "curve without the noise of a measurement"
        + ("; where an error was given, of the size" if rows_of_both else ""),
        err=True,
    )
    if any(row[1] == 0 for row in rows):
        say("a size of 0: the curve has that error without any data.", err=True)
    if far:
        say(
            f"far: more than {scaling.FAR:g} times beyond what was measured. The interval knows only "
            "of departures from the laws that the measured sizes show.",
            err=True,
        )


@scaling_group.command()
@_fit_file
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help=".png, .svg or .html."
)
@_law
@_level
def plot(fit_file: Path, output: Path, law: scaling.Law | None, level: float) -> None:
    """Draw the forecast with its points, both axes logarithmic, intervals shaded."""
    if output.suffix not in (".png", ".svg", ".html"):
        raise ConfigError(f"{output}: the file ending selects the format; give .png, .svg or .html")
    fitted, held = _fitted(fit_file, law)
    plots = page.plots_module()
    draw = plots.law([_line(fitted, name, level) for name in fitted.models], label="scaling law")
    made = draw("png" if output.suffix == ".png" else "svg")
    if output.suffix == ".html":
        made = page.scaling_page(
            summary=f"Forecasts use {_weighed(fitted)}, {_betas(fitted)}; "
            + "; ".join(f"AIC of the {name} law {row['aic']:.1f}" for name, row in held.items())
            + ".",
            level=level,
            plot=str(made),
            parameters=[row for row in held.values() for row in _parameter_rows(scaling.from_row(row), level)],
            points=_point_rows(fitted),
            largest=[[name, *_check_row(one)] for name, row in held.items() for one in row["without_largest"]],
        )
    with atomic(output) as partial:
        partial.write_bytes(made if isinstance(made, bytes) else made.encode())
    say(f"{_weighed(fitted)} in {output}", err=True)


@scaling_group.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--epochs", default=5, show_default=True, type=click.IntRange(1), help="Number of walks from every topic."
)
@click.option(
    "--fit",
    "fit_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of a fit, as `kgsynth scaling fit` writes it.",
)
@click.option("--model", help="A model of the fit.  [default: its only one]")
@click.option(
    "--walks",
    default=20_000,
    show_default=True,
    type=click.IntRange(100),
    help="Number of walks drawn to estimate how often combinations repeat.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of these walks.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="File for the figures as JSON."
)
@_law
@_level
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    run: Path,
    epochs: int,
    fit_file: Path | None,
    model: str | None,
    walks: int,
    seed: int,
    json_file: Path | None,
    law: scaling.Law | None,
    level: float,
) -> None:
    """Forecast what all documents and EPOCHS walks from every topic will give, from the lengths that RUN measured.

    RUN is a folder with runs to the answers, as small as you like. With --fit: which error that much data gives, and
    twice and ten times as much.
    """
    levels = pipeline.measure_runs(run)
    with open_graph(ctx) as graph:
        found = pipeline.plan_scaling(graph, levels, epochs=epochs, walks=walks, seed=seed)
    held = found.pop("supply")
    header = ("level", "units", "questions a unit", "answered", "questions", "tokens each", "tokens")
    show_table(header, [list(map(_whole, row.values())) for row in found["levels"]])
    say(f"\n{found['tokens'] / 1e9:.6g} billion tokens in all")
    say(
        f"combinations: {held.walks:,} walks gave {held.different:,} different ones; the next is new with chance "
        f"{held.new_chance:.1%}; "
        + (
            "none repeated"
            if math.isinf(held.alpha)
            else f"half of the walks repeat after {held.alpha:,.0f} or more (a lower bound; more --walks, a better one)"
        )
    )
    rows: list[list[Any]] = []
    if fit_file is not None:
        fitted = _fitted(fit_file, law)[0]
        if model is None and len(fitted.models) > 1:
            raise ConfigError("the fit has several models", hint=f"Give --model: {', '.join(fitted.models)}.")
        name = model or fitted.models[0]
        total = found["tokens"] / 1e9
        rows = [
            [f"{times} ×" if times > 1 else "this much", *list(one.values())[:4], _far(one)]
            for times in (1, 2, 10)
            for one in scaling.predict(fitted, name, [times * total], level=level)
        ]
        floors = ", ".join(f"{one.parameters[name].floor:.4g} % by the {one.law} law" for one in fitted.fits)
        say(f"\n{name}, {_weighed(fitted)}; no amount of data goes below E: {floors}")
        show_table(("", "billion tokens", "error %", "low", "high", ""), [list(map(_cell, row)) for row in rows])
    if json_file is not None:
        write_json(json_file, {**found, "supply": pipeline.unseen_row(held), "predictions": rows})


@click.command()
@click.argument("curated", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--sizes", required=True, metavar="N,…", help="Number of questions per subset.")
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write."
)
@click.option("--seed", required=True, type=click.IntRange(0), help="Seed of the order from which subsets are taken.")
@click.option("--overwrite", is_flag=True, help="Replace the subsets that are there.")
@settings_options(
    ExportSettings,
    ("format", "validation_share", "system", "name", "rows_per_file"),
    helps={
        "format": "Format, as in `kgsynth export`.",
        "validation_share": "Share of the questions for validation.",
        "name": "Name of the data sets in their cards.",
    },
)
def subset(curated: Path, sizes: str, output: Path, seed: int, overwrite: bool, **values: Any) -> None:
    """Export subsets of the curated RUN, each within the next, balanced by level: for measuring a scaling law.

    \b
    kgsynth subset runs/curated-… --sizes 100000,200000,400000 --seed 1 -o subsets
    """
    wanted = _numbers(sizes, "--sizes")
    if any(not float(one).is_integer() for one in wanted):
        raise ConfigError(f"--sizes {sizes}: give whole numbers")
    found = pipeline.subset(
        curated,
        settings_from(ExportSettings, values),
        sizes=[int(one) for one in wanted],
        seed=seed,
        output=output,
        overwrite=overwrite,
        forgotten=pipeline.forgotten_of(env(), curated),
        report=report,
        progress=progress(),
    )
    for one in found["subsets"]:
        if len(set(one["levels"].values())) > 1 and max(one["levels"].values()) - min(one["levels"].values()) > 1:
            shares = ", ".join(f"{number:,} of level {level}" for level, number in one["levels"].items())
            say(f"warning: a level is used up at {one['size']:,}: {shares}", err=True)
    say(f"{len(found['subsets'])} subsets in {output}; subsets.json says what each holds", err=True)


def _fitted(path: Path, law: scaling.Law | None) -> tuple[scaling.Mixture, dict[str, Any]]:
    """What is to predict, one law alone or all of a file; and the rows of the file by law."""
    held = read_json(path).get("laws")
    if not isinstance(held, dict) or not held:
        raise ConfigError(f"{path} is not a fit", hint="`kgsynth scaling fit POINTS.csv -o FIT.json` writes one.")
    if law is not None and law not in held:
        raise ConfigError(f"{path} has no {law} law", hint=f"It has {', '.join(held)}.")
    names = [one for one in scaling.LAWS if one in held and law in (None, one)]
    return scaling.mix([scaling.from_row(held[one]) for one in names]), held


def _weighed(fitted: scaling.Mixture) -> str:
    """The laws and their weights in words."""
    if len(fitted.fits) == 1:
        return f"the {fitted.fits[0].law} law alone"
    shares = zip(fitted.fits, fitted.weights, strict=True)
    return "both laws by their weights: " + ", ".join(f"{one.law} {weight:.1%}" for one, weight in shares)


def _betas(fitted: scaling.Mixture) -> str:
    return "one beta for all models" if fitted.fits[0].is_shared else "a beta for each model"


def _point_rows(fitted: scaling.Mixture) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for one in fitted.points:
        if one.model in fitted.models:
            (said,) = scaling.predict(fitted, one.model, [one.size], level=0.9)
            expected = said["error_percent"]
            where = "held out" if one.held_out else ""
            rows.append([one.model, one.size, one.error, expected, one.error - expected, where])
    return rows


def _parameter_rows(fitted: scaling.Fit, level: float) -> list[list[Any]]:
    names = {"beta": "beta", "scale": "B", "known": "D_l", "floor": "E"}
    rows = []
    for model, own in sorted(fitted.parameters.items()):
        for name, shown in names.items():
            if name != "known" or fitted.law == "rectified":
                bounds = fitted.interval((getattr(draw[model], name) for draw in fitted.draws), level)
                rows.append([fitted.law, model, shown, getattr(own, name), *bounds])
    return rows


def _check_row(one: Mapping[str, Any]) -> list[Any]:
    return [one[key] for key in ("model", "billion_tokens", "error_percent", "predicted", "low", "high")]


def _warnings(fitted: scaling.Fit) -> list[str]:
    """What to know before anything is read off a fit."""
    found = []
    for model in sorted(fitted.parameters):
        if at_bound := scaling.at_bound(fitted, model):
            found.append(f"{model}: {' and '.join(at_bound)} ended at a bound: the points do not tell the law")
        seen = sorted((one.size, one.error) for one in fitted.points if one.model == model and not one.held_out)
        if len(seen) > 1 and seen[-1][1] >= seen[0][1]:
            found.append(f"{model}: the error is no smaller at {seen[-1][0]:g} than at {seen[0][0]:g} billion tokens")
    return found


def _line(fitted: scaling.Mixture, model: str, level: float) -> dict[str, Any]:
    own = [one for one in fitted.points if one.model == model]
    seen = sorted(one.size for one in own if not one.held_out)
    sizes = np.geomspace(min(one.size for one in own) / 1.5, max(one.size for one in own) * scaling.FAR, _CURVE)
    curve = scaling.predict(fitted, model, [float(one) for one in sizes], level=level)
    return {
        "name": model,
        "size": [one["billion_tokens"] for one in curve],
        "error": [one["error_percent"] for one in curve],
        "low": [one["low"] for one in curve],
        "high": [one["high"] for one in curve],
        "measured": [(one.size, one.error) for one in own if not one.held_out],
        "held_out": [(one.size, one.error) for one in own if one.held_out],
        "last": seen[-1],
    }


def _numbers(text: str, option: str) -> list[float]:
    try:
        found = [float(one) for one in text.split(",") if one.strip()]
    except ValueError:
        raise ConfigError(f"{option} {text!r}: give numbers with commas between") from None
    if any(not math.isfinite(one) or one <= 0 for one in found):
        raise ConfigError(f"{option} {text!r}: give numbers above 0")
    return found


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "no size is enough" if math.isinf(value) else f"{value:.4g}"
    return str(value)


def _whole(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, float) and value >= 100 else _cell(value)


def _far(one: Mapping[str, Any]) -> str:
    return "far" if one["far"] else ""
