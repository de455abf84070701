"""`kgsynth scaling` and `kgsynth subset`: estimate the value of more data."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from kgsynth import pipeline
from kgsynth.cli.given import GIVEN_TEXT, GivenPath
from kgsynth.cli.options import env, open_graph, progress, report, settings_from, settings_options
from kgsynth.cli.say import say
from kgsynth.cli.tables import show_table
from kgsynth.errors import ConfigError, quoted
from kgsynth.files import atomic, read_json, write_json
from kgsynth.pipeline import page, scaling
from kgsynth.settings import ExportSettings

_CURVE = 120
_fit_file = click.argument("fit_file", metavar="FIT.json", type=GivenPath(exists=True, dir_okay=False))
_law = click.option("--law", type=click.Choice(scaling.LAWS), help="Use only this law.  [default: both laws, weighted]")
_level = click.option(
    "--level", default=0.9, show_default=True, type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Level of the intervals.",
)  # fmt: skip


@click.group(name="scaling")
def scaling_group() -> None:
    """Estimate the value of more training data: fit a scaling law to measurements, predict, plot, plan.

    Sizes are in billions of tokens, errors in percent.
    """


@scaling_group.command()
@click.argument("points_file", metavar="POINTS.csv", type=GivenPath(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=GivenPath(dir_okay=False), help="JSON file to write.")
@click.option(
    "--shared-beta/--own-beta", default=True, show_default=True, help="Fit one beta for all models, or one for each."
)
@click.option(
    "--tokens-per-sample",
    type=click.FloatRange(0, min_open=True),
    help="Tokens per sample, for a file that counts samples.",
)
@click.option(
    "--draws",
    default=500,
    show_default=True,
    type=click.IntRange(20),
    help="Number of simulated fits from which the intervals are computed.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of the simulated fits.")
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
    """Fit two scaling laws to the measured errors in POINTS.csv.

    The laws are L(D) = B / (D_l + D^beta) + E and B / D^beta + E; both are weighted by their AIC.

    POINTS.csv has the columns billion_tokens (or tokens, or samples with --tokens-per-sample) and error_percent (or
    accuracy_percent), model if there are several, and held_out, which is 1 for points that the fit must not use.
    Several rows with the same size are repeated measurements, from which the noise is estimated.
    """
    points = scaling.read_points(points_file, tokens_per_sample=tokens_per_sample)
    mixture, left_out = scaling.fit_laws(points, is_shared=shared_beta, draws=draws, seed=seed)
    for note in left_out:
        say(note, err=True)
    laws: dict[str, Any] = {}
    rows, checks = [], []
    for fitted in mixture.fits:
        law = fitted.law
        law_checks = scaling.without_largest(
            points, law=law, is_shared=shared_beta, draws=draws, seed=seed, level=level
        )
        laws[law] = {**scaling.to_row(fitted), "without_largest": law_checks}
        rows += _parameter_rows(fitted, level)
        checks += [[law, *map(_cell, _check_row(check))] for check in law_checks]
    mixture_checks = scaling.without_largest(points, is_shared=shared_beta, draws=draws, seed=seed, level=level)
    if len(mixture.fits) > 1:
        checks += [["both", *map(_cell, _check_row(check))] for check in mixture_checks]
    write_json(output, {"laws": laws, "without_largest": mixture_checks, "level": level, "seed": seed})
    show_table(("law", "model", "parameter", "value", "low", "high"), [list(map(_cell, row)) for row in rows])
    if checks:
        say("\npredictions of fits without the largest size of each model:")
        show_table(("law", "model", "billion tokens", "error %", "predicted", "low", "high"), checks)
    for fitted, criterion in zip(mixture.fits, mixture.criteria, strict=True):
        deviation_text = f"relative deviation of the errors {100 * fitted.deviation:.2g} %"
        say(f"{fitted.law}: AIC {criterion:.1f}, {deviation_text}", err=True)
        for warning in _warnings(fitted):
            say(f"warning: {fitted.law} law: {warning}", err=True)
    best_law = min(zip(mixture.criteria, mixture.fits, strict=True), key=lambda pair: pair[0])[1].law
    say(f"the fit is in {output}; the law with the lower AIC is better: {best_law}", err=True)
    say(f"forecasts use {_weighed(mixture)}", err=True)


@scaling_group.command()
@_fit_file
@click.option("--model", type=GIVEN_TEXT, help="Name of the model.  [default: all models]")
@click.option(
    "--at", "sizes", type=GIVEN_TEXT, metavar="SIZE,…", help="Predict the errors at these sizes, in billions of tokens."
)
@click.option(
    "--error", "errors", type=GIVEN_TEXT, metavar="PERCENT,…", help="Predict the sizes that give these errors."
)
@_law
@_level
def predict(
    fit_file: Path, model: str | None, sizes: str | None, errors: str | None, law: scaling.Law | None, level: float
) -> None:
    """Predict the error for a size, or the size for an error.

    Predictions have intervals.
    """
    mixture = _fitted(fit_file, law)[0]
    wanted_sizes, wanted_errors = _numbers(sizes, "--at"), _numbers(errors, "--error")
    if not wanted_sizes and not wanted_errors:
        raise ConfigError("nothing to predict", hint="Give --at SIZE,… or --error PERCENT,….")
    gives_both = bool(wanted_sizes and wanted_errors)
    rows = []
    is_far = False
    for name in [model] if model else mixture.models:
        for forecast in scaling.predict(mixture, name, wanted_sizes, level=level):
            rows.append(
                [
                    name,
                    forecast["billion_tokens"],
                    forecast["error_percent"],
                    forecast["low"],
                    forecast["high"],
                    _far(forecast),
                ]
            )
            is_far |= forecast["far"]
        for error in wanted_errors:
            forecast = scaling.size_for(mixture, name, error, level=level)
            rows.append([name, forecast["billion_tokens"], error, forecast["low"], forecast["high"], _far(forecast)])
            is_far |= forecast["far"]
    header = ("model", "billion tokens", "error %", "low", "high", "")
    show_table(header, [list(map(_cell, row)) for row in rows])
    say(
        f"{_weighed(mixture)}; low and high are of the {'error' if wanted_sizes else 'size'}, {level:.0%} intervals of "
        "the curve, without the noise of a measurement"
        + ("; where an error was given, of the size" if gives_both else ""),
        err=True,
    )
    if any(row[1] == 0 for row in rows):
        say("a size of 0 means that the curve reaches the error without any data.", err=True)
    if is_far:
        say(
            f"far: more than {scaling.FAR:g} times the largest measured size. The interval covers only "
            "deviations from the laws that occur at measured sizes.",
            err=True,
        )


@scaling_group.command()
@_fit_file
@click.option(
    "-o",
    "--output",
    required=True,
    type=GivenPath(dir_okay=False),
    help="File to write: .png, .svg or .html.",
)
@_law
@_level
def plot(fit_file: Path, output: Path, law: scaling.Law | None, level: float) -> None:
    """Plot the forecast and the measured points on logarithmic axes.

    Intervals are shaded.
    """
    if output.suffix not in (".png", ".svg", ".html"):
        raise ConfigError(f"{output}: the file ending selects the format; give .png, .svg or .html")
    mixture, laws = _fitted(fit_file, law)
    plots = page.plots_module()
    draw_plot = plots.law([_line(mixture, name, level) for name in mixture.models], label="scaling law")
    image = draw_plot(output.suffix.removeprefix("."))
    if output.suffix == ".html":
        image = page.scaling_page(
            summary=f"Forecasts use {_weighed(mixture)}, {_betas(mixture)}; "
            + "; ".join(
                f"AIC of the {fitted.law} law {criterion:.1f}"
                for fitted, criterion in zip(mixture.fits, mixture.criteria, strict=True)
            )
            + ".",
            level=level,
            plot=str(image),
            parameters=[row for row in laws.values() for row in _parameter_rows(scaling.from_row(row), level)],
            points=_point_rows(mixture),
            largest=[[name, *_check_row(check)] for name, row in laws.items() for check in row["without_largest"]],
        )
    with atomic(output) as partial:
        partial.write_bytes(image if isinstance(image, bytes) else image.encode())
    say(f"{_weighed(mixture)} in {output}", err=True)


@scaling_group.command()
@click.argument("run", type=GivenPath(exists=True, file_okay=False))
@click.option("--epochs", default=5, show_default=True, type=click.IntRange(1), help="Number of walks from each topic.")
@click.option(
    "--fit",
    "fit_file",
    type=GivenPath(exists=True, dir_okay=False),
    help="JSON file that `kgsynth scaling fit` wrote.",
)
@click.option("--model", type=GIVEN_TEXT, help="Name of a model of the fit.  [default: the only one]")
@click.option(
    "--walks",
    default=20_000,
    show_default=True,
    type=click.IntRange(100),
    help="Number of walks to draw, to estimate how often combinations repeat.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seed of these walks.")
@click.option("--json", "json_file", type=GivenPath(dir_okay=False), help="JSON file to write, with the figures.")
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
    """Forecast the amount of data from the lengths in RUN.

    The forecast is for all documents and for EPOCHS walks from each topic. RUN is a folder that contains runs up to the
    answers, of any size. With --fit, also forecast the error for this amount of data, and for twice and ten times as
    much.
    """
    levels = pipeline.measure_runs(run)
    with open_graph(ctx) as graph:
        figures = pipeline.plan_scaling(graph, levels, epochs=epochs, walks=walks, seed=seed)
    supply = figures.pop("supply")
    header = ("level", "units", "questions per unit", "answered", "questions", "tokens per question", "tokens")
    show_table(header, [list(map(_whole, row.values())) for row in figures["levels"]])
    say(f"\n{figures['tokens'] / 1e9:.6g} billion tokens in total")
    say(
        f"combinations: {supply.walks:,} walks gave {supply.different:,} different ones; the next is new with "
        f"probability {supply.new_chance:.1%}; "
        + (
            "none repeated"
            if math.isinf(supply.alpha)
            else f"half of the walks repeat after {supply.alpha:,.0f} or more (a lower bound, better with more --walks)"
        )
    )
    forecasts: list[list[Any]] = []
    if fit_file is not None:
        mixture = _fitted(fit_file, law)[0]
        if model is None and len(mixture.models) > 1:
            raise ConfigError("the fit has several models", hint=f"Give --model: {', '.join(mixture.models)}.")
        name = model or mixture.models[0]
        billion_tokens = figures["tokens"] / 1e9
        forecasts = [
            [f"{times} ×" if times > 1 else "this much", *list(forecast.values())[:4], _far(forecast)]
            for times in (1, 2, 10)
            for forecast in scaling.predict(mixture, name, [times * billion_tokens], level=level)
        ]
        floors = ", ".join(f"{fitted.parameters[name].floor:.4g} % by the {fitted.law} law" for fitted in mixture.fits)
        say(f"\n{name}, {_weighed(mixture)}; no amount of data goes below E: {floors}")
        show_table(("", "billion tokens", "error %", "low", "high", ""), [list(map(_cell, row)) for row in forecasts])
    if json_file is not None:
        write_json(json_file, {**figures, "supply": pipeline.unseen_row(supply), "predictions": forecasts})


@click.command()
@click.argument("curated", metavar="RUN", type=GivenPath(exists=True, file_okay=False))
@click.option("--sizes", type=GIVEN_TEXT, required=True, metavar="N,…", help="Number of questions per subset.")
@click.option("-o", "--output", required=True, type=GivenPath(file_okay=False), help="Folder to write.")
@click.option("--seed", required=True, type=click.IntRange(0), help="Seed of the order in which questions are taken.")
@click.option("--overwrite", is_flag=True, help="Replace existing subsets.")
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
    """Export nested subsets of the curated RUN, balanced by level, from which a scaling law can be measured.

    \b
    kgsynth subset runs/curated-… --sizes 100000,200000,400000 --seed 1 -o subsets
    """
    numbers = _numbers(sizes, "--sizes")
    if any(not float(size).is_integer() for size in numbers):
        raise ConfigError(f"--sizes {sizes}: give whole numbers")
    manifest = pipeline.subset(
        curated,
        settings_from(ExportSettings, values),
        sizes=[int(size) for size in numbers],
        seed=seed,
        output=output,
        overwrite=overwrite,
        forgotten=pipeline.forgotten_of(env(), curated),
        report=report,
        progress=progress(),
    )
    for subset_row in manifest["subsets"]:
        if (
            len(set(subset_row["levels"].values())) > 1
            and max(subset_row["levels"].values()) - min(subset_row["levels"].values()) > 1
        ):
            shares = ", ".join(f"{number:,} of level {level}" for level, number in subset_row["levels"].items())
            say(f"warning: a level is used up at {subset_row['size']:,}: {shares}", err=True)
    say(f"{len(manifest['subsets'])} subsets in {output}; subsets.json says what each holds", err=True)


def _fitted(path: Path, law: scaling.Law | None) -> tuple[scaling.Mixture, dict[str, Any]]:
    """Return the mixture of the laws in a file, or of one of them, and the rows of the file by law."""
    laws = read_json(path).get("laws")
    if not isinstance(laws, dict) or not laws:
        raise ConfigError(f"{path} is not a fit", hint="`kgsynth scaling fit POINTS.csv -o FIT.json` writes one.")
    if law is not None and law not in laws:
        raise ConfigError(f"{path} has no {law} law", hint=f"It has {', '.join(laws)}.")
    names = [name for name in scaling.LAWS if name in laws and law in (None, name)]
    return scaling.mix([scaling.from_row(laws[name]) for name in names]), laws


def _weighed(mixture: scaling.Mixture) -> str:
    """Return the laws and their weights as text."""
    if len(mixture.fits) == 1:
        return f"the {mixture.fits[0].law} law alone"
    shares = zip(mixture.fits, mixture.weights, strict=True)
    return "both laws by their weights: " + ", ".join(f"{fitted.law} {weight:.1%}" for fitted, weight in shares)


def _betas(mixture: scaling.Mixture) -> str:
    return "one beta for all models" if mixture.fits[0].is_shared else "a beta for each model"


def _point_rows(mixture: scaling.Mixture) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for point in mixture.points:
        if point.model in mixture.models:
            (forecast,) = scaling.predict(mixture, point.model, [point.size], level=0.9)
            expected = forecast["error_percent"]
            note = "held out" if point.held_out else ""
            rows.append([point.model, point.size, point.error, expected, point.error - expected, note])
    return rows


def _parameter_rows(fitted: scaling.Fit, level: float) -> list[list[Any]]:
    names = {"beta": "beta", "scale": "B", "known": "D_l", "floor": "E"}
    rows = []
    for model, parameters in sorted(fitted.parameters.items()):
        for name, symbol in names.items():
            if name != "known" or fitted.law == "rectified":
                bounds = fitted.interval((getattr(draw[model], name) for draw in fitted.draws), level)
                rows.append([fitted.law, model, symbol, getattr(parameters, name), *bounds])
    return rows


def _check_row(check: Mapping[str, Any]) -> list[Any]:
    return [check[key] for key in ("model", "billion_tokens", "error_percent", "predicted", "low", "high")]


def _warnings(fitted: scaling.Fit) -> list[str]:
    """Return warnings about the fit of each model."""
    warnings = []
    for model in sorted(fitted.parameters):
        if at_bound := scaling.at_bound(fitted, model):
            warnings.append(f"{model}: {' and '.join(at_bound)} ended at a bound: the points do not determine the law")
        measured = sorted(
            (point.size, point.error) for point in fitted.points if point.model == model and not point.held_out
        )
        if len(measured) > 1 and measured[-1][1] >= measured[0][1]:
            warnings.append(
                f"{model}: the error is no smaller at {measured[-1][0]:g} than at {measured[0][0]:g} billion tokens"
            )
    return warnings


def _line(mixture: scaling.Mixture, model: str, level: float) -> dict[str, Any]:
    points = [point for point in mixture.points if point.model == model]
    measured = sorted(point.size for point in points if not point.held_out)
    sizes = np.geomspace(
        min(point.size for point in points) / 1.5, max(point.size for point in points) * scaling.FAR, _CURVE
    )
    curve = scaling.predict(mixture, model, [float(size) for size in sizes], level=level)
    return {
        "name": model,
        "size": [forecast["billion_tokens"] for forecast in curve],
        "error": [forecast["error_percent"] for forecast in curve],
        "low": [forecast["low"] for forecast in curve],
        "high": [forecast["high"] for forecast in curve],
        "measured": [(point.size, point.error) for point in points if not point.held_out],
        "held_out": [(point.size, point.error) for point in points if point.held_out],
        "last": measured[-1],
    }


def _numbers(text: str | None, option: str) -> list[float]:
    """Return the numbers of an option; none if it is not given."""
    if text is None:
        return []
    try:
        numbers = [float(number) for number in text.split(",") if number.strip()]
    except ValueError:
        raise ConfigError(f"{option} {quoted(text)}: give numbers separated by commas") from None
    if not numbers or any(not math.isfinite(number) or number <= 0 for number in numbers):
        raise ConfigError(f"{option} {quoted(text)}: give numbers above 0")
    return numbers


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "no size is enough" if math.isinf(value) else f"{value:.4g}"
    return str(value)


def _whole(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, float) and value >= 100 else _cell(value)


def _far(forecast: Mapping[str, Any]) -> str:
    return "far" if forecast["far"] else ""
