"""Draw the plots of reports as inline SVG, in colours that colour-blind readers can distinguish."""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil, floor, log10
from typing import Any

# The colours of Okabe and Ito (2008), which colour-blind readers can distinguish, without yellow, which is invisible on
# white. Lines also differ in their dash patterns. On a dark page, parts.html has lighter ones.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STROKES = ("-", "--", "-.", ":")
_GREY = "#9a9a9a"
_GRID = "#e6e6e6"
_DIAGONAL = "#cccccc"
# Text and axes have this colour in Matplotlib, and that of the page's text in SVG.
_INK = "#010203"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kgsynth",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _GRID,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
_MARKED_POINTS = 20
_NAME_CHARS = 48
_KINDS = ("topics", "concepts", "pairs", "documents")
_KIND_TITLES = {
    "topics": "topics",
    "concepts": "concepts",
    "pairs": "co-occurring pairs of concepts",
    "documents": "documents",
}

Named = Sequence[tuple[str, Mapping[str, Any]]]


@contextmanager
def _panels(count: int, *, wide: float = 4.6, high: float = 3.2) -> Iterator[tuple[list[Any], Callable[[str], str]]]:
    """Yield the axes of panels, and a function that returns their pictures, one SVG each, with a label."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        axes = [Figure(figsize=(wide, high)).subplots() for _ in range(count)]

        def svg(label: str) -> str:
            if count == 1:
                return _svg(axes[0].figure, label)
            return "".join(_svg(panel.figure, f"{label} {number}") for number, panel in enumerate(axes, 1))

        yield axes, svg


def _svg(figure: Any, label: str) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    # Ids are unique within a file, but a page contains several files.
    prefix = re.sub(r"\W+", "-", label.casefold())[-40:]
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\1{prefix}-", text)
    text = re.sub(r"#[0-9a-f]{6}\b(?=[;\"'])", lambda colour: on_page(colour.group()), text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def on_page(colour: str) -> str:
    """Return a colour as a CSS value that follows the light or dark mode of the page."""
    if colour == _INK:
        return "currentColor"
    names = {**{one.lower(): f"c{number}" for number, one in enumerate(COLOURS)}}
    names |= {_GREY: "grey", _GRID: "grid", _DIAGONAL: "diagonal"}
    name = names.get(colour.lower())
    return f"var(--{name}, {colour})" if name else colour


def _log_ticks(axis: Any, *, room: float) -> None:
    """Label a few round values of a logarithmic axis, at least the share `room` of its length apart."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axis.get_view_interval()
    axis.set_major_locator(FixedLocator(log_ticks(low, high, room=room)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
    axis.set_minor_locator(NullLocator())


def log_ticks(low: float, high: float, *, room: float) -> list[float]:
    """Return round values from low to high, powers of ten first, that are far enough apart on a logarithmic axis."""
    from matplotlib.ticker import MaxNLocator

    exponents = range(floor(log10(low)), ceil(log10(high)) + 1)
    # With more decades than labels, every second or third has one.
    step = max(1, ceil(room * log10(high / low)))
    decades = [10.0**exponent for exponent in exponents if exponent % step == 0]
    between = [factor * 10.0**exponent for factor in (5, 2) for exponent in exponents] if step == 1 else []
    linear = MaxNLocator(nbins=4, steps=[1, 2, 5, 10]).tick_values(low, high) if high < 10 * low else []
    ticks: list[float] = []
    for value in (*decades, *between, *map(float, linear)):
        is_inside = low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
        if is_inside and all(abs(log10(value / tick)) >= room * log10(high / low) for tick in ticks):
            ticks.append(value)
    return sorted(ticks)


def _tick(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _whole_numbers(axis: Any, bins: int = 5) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(bins, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _legend(axes: Any, columns: int = 1) -> None:
    """Put the legend under the axes, where it covers no line."""
    axes.figure.legend(fontsize=9, loc="outside lower center", ncols=columns)


def tails(distributions: Named, *, x: str, label: str) -> str:
    """Draw the share of items with at least x, on logarithmic axes, where a power law is a straight line."""
    with _panels(1) as ((axes,), svg):
        for number, (name, distribution) in enumerate(distributions):
            if distribution.get("max"):
                points = [
                    (value, share) for value, share in zip(*distribution["at_least"].values(), strict=True) if value > 0
                ]
                axes.plot(
                    *zip(*points, strict=True),
                    _STROKES[number % 4],
                    color=COLOURS[number],
                    label=_label(name),
                    lw=2,
                    # A line of one point would not be seen.
                    marker="o" if len(points) <= _MARKED_POINTS else "",
                    ms=4,
                )
        axes.set(xscale="log", yscale="log", xlabel=x, ylabel="share with at least as many")
        _log_ticks(axes.xaxis, room=0.16)
        _log_ticks(axes.yaxis, room=0.1)
        _legend(axes, columns=2)
        return svg(label)


def coverage(runs: Named) -> str:
    """Draw the share of all items that are used, by number of combinations."""
    with _panels(len(_KINDS)) as (axes, svg):
        for panel, kind in zip(axes, _KINDS, strict=True):
            for number, (name, walks) in enumerate(runs):
                total = max(1, walks["coverage"][kind]["of"])
                shares = [100 * used / total for used in walks["curve"][kind]]
                panel.plot(
                    walks["curve"]["combinations"],
                    shares,
                    _STROKES[number],
                    color=COLOURS[number],
                    label=_label(name),
                    lw=2,
                )
            panel.set(xlabel="combinations", ylabel="% used", title=_KIND_TITLES[kind])
            panel.set_ylim(bottom=0)
            panel.set_xlim(left=0)
            _whole_numbers(panel.xaxis)
            _legend(panel)
        return svg("coverage over the number of combinations")


def hubs(runs: Named) -> str:
    """Draw the share of all uses by the most used concepts, with that of mentions in documents for comparison."""
    with _panels(1) as ((axes,), svg):
        for number, (name, walks) in enumerate(runs):
            line = walks["hubs"]["lorenz"]
            axes.plot(line["x"], line["share"], _STROKES[number], color=COLOURS[number], label=_label(name), lw=2)
        line = runs[0][1]["hubs"]["lorenz_of_mentions"]
        axes.plot(line["x"], line["share"], ":", color=_GREY, label="mentions in documents", lw=2)
        axes.plot([0, 1], [0, 1], color=_DIAGONAL, lw=1)
        axes.set(xlabel="share of concepts, most used first", ylabel="share of all uses", xlim=(0, 1), ylim=(0, 1.02))
        _legend(axes)
        return svg("how evenly concepts are used")


def histograms(panels: Sequence[tuple[str, Named]], *, x: str, label: str, percent: bool = True) -> str:
    """Draw histograms as steps, with a panel per title and a line per name."""
    max_lines = max(len(lines) for _, lines in panels)
    with _panels(max(1, len(panels)), high=3.2 + 0.2 * max_lines) as (axes, svg):
        for panel, (title, lines) in zip(axes, panels, strict=False):
            for number, (name, histogram) in enumerate(lines):
                heights = [100 * share for share in histogram["share"]] if percent else histogram["share"]
                panel.stairs(
                    heights,
                    histogram["edges"],
                    color=COLOURS[number % len(COLOURS)],
                    ls=_STROKES[number % 4],
                    lw=2,
                    label=_label(name),
                )
            panel.set(xlabel=x, title=_label(title), ylabel="%")
            panel.set_ylim(bottom=0)
            if len(lines) > 1 or lines[0][0]:
                _legend(panel)
        return svg(label)


def bars(counts: Named, *, x: str, label: str) -> str:
    """Draw counts by name as bars, largest first, with a colour per run."""
    names = sorted(
        {name for _, run_counts in counts for name in run_counts},
        key=lambda name: -sum(run_counts.get(name, 0) for _, run_counts in counts),
    )
    names = names[:20]
    with _panels(1, wide=8.5, high=0.9 + 0.3 * len(names) * max(1, len(counts) * 0.7)) as ((axes,), svg):
        height = 0.8 / len(counts)
        for number, (run, run_counts) in enumerate(counts):
            positions = [place + number * height for place in range(len(names))]
            bar_container = axes.barh(
                positions,
                [run_counts.get(name, 0) for name in names],
                height=height * 0.92,
                color=COLOURS[number],
                label=_label(run),
            )
            axes.bar_label(bar_container, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_yticks(
            [place + 0.4 - height / 2 for place in range(len(names))],
            [_short(name, 60).replace("$", r"\$") for name in names],
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.1)
        axes.set(xlabel=x)
        _whole_numbers(axes.xaxis, 8)
        if len(counts) > 1:
            _legend(axes, columns=2)
        return svg(label)


def law(lines: Sequence[Mapping[str, Any]], *, label: str) -> Callable[[str], str | bytes]:
    """Draw a fitted law on logarithmic axes: a line per model with its interval and its measured and held-out points.

    Args:
        lines: per model `name`; `size`, `error`, `low` and `high` of the curve; the (size, error) pairs `measured`, to
            which the law was fitted, and `held_out`; and `last`, the largest fitted size. Sizes are in billions of
            tokens, errors in percent.
        label: accessible name of the picture.

    Returns:
        A function that returns the picture in a format: `svg` (text of a file), `html` (SVG for a page) or `png`
        (bytes).
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8.5, 5.2))
        axes = figure.subplots()
        for number, line in enumerate(lines):
            colour, stroke = COLOURS[number % len(COLOURS)], _STROKES[number % 4]
            fitted = [place for place, size in enumerate(line["size"]) if size <= line["last"]]
            split = len(fitted)
            axes.fill_between(line["size"], line["low"], line["high"], color=colour, alpha=0.15, lw=0)
            axes.plot(
                line["size"][:split], line["error"][:split], stroke, color=colour, lw=2, label=_label(line["name"])
            )
            axes.plot(line["size"][max(0, split - 1) :], line["error"][max(0, split - 1) :], ":", color=colour, lw=1.5)
            if line["measured"]:
                axes.plot(*zip(*line["measured"], strict=True), "o", color=colour, ms=6)
            if line["held_out"]:
                axes.plot(
                    *zip(*line["held_out"], strict=True),
                    "D",
                    mfc="white",
                    mec=colour,
                    mew=1.8,
                    ms=7,
                    label=_label(f"{line['name']}, held out"),
                )
        axes.set(xscale="log", yscale="log", xlabel="billions of tokens", ylabel="error, %")
        _log_ticks(axes.xaxis, room=0.07)
        _log_ticks(axes.yaxis, room=0.06)
        _legend(axes, columns=2)

        def picture(file_format: str) -> str | bytes:
            with matplotlib.rc_context(_STYLE):
                if file_format == "png":
                    file = io.BytesIO()
                    figure.savefig(file, format="png", dpi=150, facecolor="white", metadata={"Software": None})
                    return file.getvalue()
                # In a file of its own there is no page whose colours it could follow.
                standalone = '<svg style="background: white; color: black" ' if file_format == "svg" else "<svg "
                return _svg(figure, label).replace("<svg ", standalone, 1)

        return picture


_PICTURE_SIZE = 1000
_LABEL_PX = 13


def picture(structure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shapes of the picture of communities, in pixels, with those names that do not overlap.

    Args:
        structure: the result of `kgsynth.reports.structure.communities`.

    Returns:
        width and height; discs behind communities (x, y, radius, colour, number), circles (id, x, y, radius, colour,
        title), lines (x1, y1, x2, y2, colour, width), labels (x, y, text, px), and the colour of each community, which
        is grey from the seventh on.
    """
    nodes = structure["nodes"]
    if not nodes:
        return {"width": 0, "height": 0, "discs": [], "circles": [], "lines": [], "labels": [], "colours": []}
    groups = structure["communities"]
    minimum = [min(group[axis] - group["radius"] for group in groups) for axis in "xy"]
    extent = [
        max(group[axis] + group["radius"] for group in groups) - start
        for axis, start in zip("xy", minimum, strict=True)
    ]
    margin = 40
    scale = (_PICTURE_SIZE - 2 * margin) / max(extent)
    centres = [
        tuple(margin + scale * (node[axis] - start) for axis, start in zip("xy", minimum, strict=True))
        for node in nodes
    ]
    largest = max(node["documents"] for node in nodes)
    radii = [3 + 12 * (node["documents"] / max(1, largest)) ** 0.5 for node in nodes]
    colours = [on_page(COLOURS[number] if number < len(COLOURS) - 1 else _GREY) for number in range(len(groups))]
    discs = [
        {
            **{
                axis: round(margin + scale * (group[axis] - start), 1)
                for axis, start in zip("xy", minimum, strict=True)
            },
            "radius": round(scale * group["radius"], 1),
            "colour": colour,
            "number": group["number"] + 1,
        }
        for group, colour in zip(groups, colours, strict=True)
    ]
    return {
        "width": round(2 * margin + scale * extent[0]),
        "height": round(2 * margin + scale * extent[1]),
        "discs": discs,
        "circles": [
            {
                "x": round(x, 1),
                "y": round(y, 1),
                "radius": round(radius, 1),
                "colour": colours[node["community"]],
                "id": node["id"],
                "title": f"{node['name']}: {node['documents']:,} documents, community {node['community'] + 1}",
            }
            for node, (x, y), radius in zip(nodes, centres, radii, strict=True)
        ],
        "lines": [
            {
                **{
                    f"{axis}{end}": round(centres[link[side]][place], 1)
                    for end, side in ((1, "source"), (2, "target"))
                    for place, axis in enumerate("xy")
                },
                "colour": colours[nodes[link["source"]]["community"]]
                if nodes[link["source"]]["community"] == nodes[link["target"]]["community"]
                else on_page(_GREY),
                "width": round(0.5 + 3 * link["strength"], 2),
            }
            for link in structure["links"]
        ],
        "labels": _labels(
            [node["name"] for node in nodes], centres, radii, discs, width=2 * margin + scale * extent[0]
        ),
        "colours": colours,
    }


def _labels(
    names: Sequence[str],
    centres: Sequence[tuple[float, ...]],
    radii: Sequence[float],
    discs: Sequence[Mapping[str, Any]],
    *,
    width: float,
) -> list[dict[str, Any]]:
    """Place names, most important first, where they cover no other name or large circle; omit those without room."""
    occupied: list[tuple[float, float, float, float]] = [
        (x - radius, y - radius, x + radius, y + radius)
        for (x, y), radius in zip(centres, radii, strict=True)
        if radius > 6
    ]
    # The numbers of the communities are at the top of their discs.
    occupied += [
        (disc["x"] - 10, disc["y"] - disc["radius"], disc["x"] + 10, disc["y"] - disc["radius"] + 20) for disc in discs
    ]
    labels = []
    for name, (x, y), radius in zip(names, centres, radii, strict=True):
        text = _short(name, 28)
        px = _LABEL_PX if radius > 6 else _LABEL_PX - 3
        text_width, text_height = 0.54 * px * len(text), px * 1.1
        for left, top in (
            (x - text_width / 2, y + radius + 1),
            (x - text_width / 2, y - radius - text_height - 1),
            (x + radius + 3, y - text_height / 2),
            (x - radius - 3 - text_width, y - text_height / 2),
        ):
            box = (left, top, left + text_width, top + text_height)
            if (
                left > 0
                and box[2] < width
                and not any(
                    box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                    for other in occupied
                )
            ):
                occupied.append(box)
                labels.append(
                    {
                        "x": round(left + text_width / 2, 1),
                        "y": round(top + text_height * 0.8, 1),
                        "text": text,
                        "px": px,
                    }
                )
                break
    return labels


def _label(name: str) -> str:
    """Shorten and escape a name for Matplotlib, which parses `$` as mathematics and hides labels with a leading `_`."""
    return (" " if name.startswith("_") else "") + _short(name, _NAME_CHARS).replace("$", r"\$")


def _short(text: str, max_length: int) -> str:
    return text if len(text) <= max_length else text[: max_length - 1] + "…"
