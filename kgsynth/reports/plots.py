"""Draw the plots of reports as inline SVG, in colours that colour-blind readers can distinguish."""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# The colours of Okabe and Ito (2008), which colour-blind readers can distinguish, without yellow, which is invisible on
# white. Lines also differ in their dash patterns.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STROKES = ("-", "--", "-.", ":")
_GREY = "#9a9a9a"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kgsynth",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
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
    """Yield axes side by side, and a function that returns their SVG with a label."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(wide * count, high))
        axes = figure.subplots(1, count, squeeze=False)[0]

        yield list(axes), lambda label: _svg(figure, label)


def _svg(figure: Any, label: str) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    # Ids are unique within a file, but a page contains several files.
    prefix = re.sub(r"\W+", "-", label.casefold())[:40]
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\1{prefix}-", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def tails(distributions: Named, *, x: str, label: str) -> str:
    """Draw the share of items with at least x, on logarithmic axes, where a power law is a straight line."""
    with _panels(1) as ((axes,), svg):
        for number, (name, distribution) in enumerate(distributions):
            if distribution.get("count"):
                points = [
                    (value, share) for value, share in zip(*distribution["at_least"].values(), strict=True) if value > 0
                ]
                axes.plot(
                    *zip(*points, strict=True), _STROKES[number % 4], color=COLOURS[number], label=_label(name), lw=2
                )
        axes.set(xscale="log", yscale="log", xlabel=x, ylabel="share with at least as many")
        axes.legend()
        return svg(label)


def coverage(runs: Named) -> str:
    """Draw the share of all items that are used, by number of combinations."""
    with _panels(len(_KINDS), wide=3.6) as (axes, svg):
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
            panel.set(xlabel="combinations", ylabel="% used" if kind == _KINDS[0] else "", title=_KIND_TITLES[kind])
            panel.set_ylim(bottom=0)
            panel.set_xlim(left=0)
            panel.locator_params(axis="x", nbins=5)
        axes[0].legend()
        return svg("coverage over the number of combinations")


def hubs(runs: Named) -> str:
    """Draw the share of all uses by the most used concepts, with that of mentions in documents for comparison."""
    with _panels(1) as ((axes,), svg):
        for number, (name, walks) in enumerate(runs):
            line = walks["hubs"]["lorenz"]
            axes.plot(line["x"], line["share"], _STROKES[number], color=COLOURS[number], label=_label(name), lw=2)
        line = runs[0][1]["hubs"]["lorenz_of_mentions"]
        axes.plot(line["x"], line["share"], ":", color=_GREY, label="mentions in documents", lw=2)
        axes.plot([0, 1], [0, 1], color="#cccccc", lw=1)
        axes.set(xlabel="share of concepts, most used first", ylabel="share of all uses", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(loc="lower right")
        return svg("how evenly concepts are used")


def histograms(panels: Sequence[tuple[str, Named]], *, x: str, label: str, percent: bool = True) -> str:
    """Draw histograms as steps, with a panel per title and a line per name."""
    max_lines = max(len(lines) for _, lines in panels)
    # Between more than three lines there is no room for the legend.
    has_legend_below = max_lines > 3
    height = 3.2 + 0.22 * max_lines * has_legend_below
    with _panels(max(1, len(panels)), wide=(4.6 if len(panels) < 3 else 3.9) + 1.2 * has_legend_below, high=height) as (
        axes,
        svg,
    ):
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
            panel.set(xlabel=x, title=_label(title), ylabel="%" if panel is axes[0] else "")
            panel.set_ylim(bottom=0)
            if len(lines) > 1 or lines[0][0]:
                placement = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)} if has_legend_below else {}
                panel.legend(fontsize=8, **placement)
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
                label=run,
            )
            axes.bar_label(bar_container, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_yticks(
            [place + 0.4 - height / 2 for place in range(len(names))], [_label(_short(name, 60)) for name in names]
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.1)
        axes.set(xlabel=x)
        if len(counts) > 1:
            axes.legend()
        return svg(label)


def law(lines: Sequence[Mapping[str, Any]], *, label: str) -> Callable[[str], str | bytes]:
    """Draw a fitted law on logarithmic axes: a line per model with its interval and its measured and held-out points.

    Args:
        lines: per model `name`; `size`, `error`, `low` and `high` of the curve; the (size, error) pairs `measured`, to
            which the law was fitted, and `held_out`; and `last`, the largest fitted size. Sizes are in billions of
            tokens, errors in percent.
        label: accessible name of the picture.

    Returns:
        A function that returns the picture in a format: `svg` (text) or `png` (bytes).
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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
        plain = FuncFormatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_major_formatter(plain)
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 1.5, 2, 3, 4, 5, 7)))
        axes.yaxis.set_major_formatter(plain)
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.legend()

        def picture(file_format: str) -> str | bytes:
            with matplotlib.rc_context(_STYLE):
                if file_format == "png":
                    file = io.BytesIO()
                    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
                    return file.getvalue()
                return _svg(figure, label)

        return picture


_PICTURE_SIZE = 1000
_LABEL_PX = 13


def picture(structure: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shapes of the picture of communities, in pixels, with those names that do not overlap.

    Args:
        structure: the result of `kgsynth.reports.structure.communities`.

    Returns:
        width and height; discs behind communities (x, y, radius, colour, number), circles (x, y, radius, colour,
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
    colours = [COLOURS[number] if number < len(COLOURS) - 1 else _GREY for number in range(len(groups))]
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
                else "#bbbbbb",
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
    """Escape a name for Matplotlib, which parses `$` as mathematics and hides labels with a leading underscore."""
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def _short(text: str, max_length: int) -> str:
    return text if len(text) <= max_length else text[: max_length - 1] + "…"
