"""The plots of a report, as SVG that stands in the page: light, labelled, in colours that everybody can tell apart."""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

# Okabe and Ito (2008): eight colours that colour-blind readers can tell apart; yellow is left out, since it does not
# show on white. Lines differ in their strokes too.
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
    """Axes side by side, and what gives the SVG of them."""
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
    # Ids are unique in a file, not in a page that holds many.
    prefix = re.sub(r"\W+", "-", label.casefold())[:40]
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\1{prefix}-", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def tails(distributions: Named, *, x: str, label: str) -> str:
    """The share of things with at least x, both axes logarithmic: a straight line is a power law."""
    with _panels(1) as ((axes,), svg):
        for number, (name, held) in enumerate(distributions):
            if held.get("count"):
                points = [(at, share) for at, share in zip(*held["at_least"].values(), strict=True) if at > 0]
                axes.plot(
                    *zip(*points, strict=True), _STROKES[number % 4], color=COLOURS[number], label=_label(name), lw=2
                )
        axes.set(xscale="log", yscale="log", xlabel=x, ylabel="share with at least as many")
        axes.legend()
        return svg(label)


def coverage(runs: Named) -> str:
    """What was used of all there is, over the number of combinations."""
    with _panels(len(_KINDS), wide=3.6) as (axes, svg):
        for own, kind in zip(axes, _KINDS, strict=True):
            for number, (name, held) in enumerate(runs):
                total = max(1, held["coverage"][kind]["of"])
                shares = [100 * one / total for one in held["curve"][kind]]
                own.plot(
                    held["curve"]["combinations"],
                    shares,
                    _STROKES[number],
                    color=COLOURS[number],
                    label=_label(name),
                    lw=2,
                )
            own.set(xlabel="combinations", ylabel="% used" if kind == _KINDS[0] else "", title=_KIND_TITLES[kind])
            own.set_ylim(bottom=0)
            own.set_xlim(left=0)
            own.locator_params(axis="x", nbins=5)
        axes[0].legend()
        return svg("coverage over the number of combinations")


def hubs(runs: Named) -> str:
    """The share of all uses that the most used concepts have, beside what documents give."""
    with _panels(1) as ((axes,), svg):
        for number, (name, held) in enumerate(runs):
            line = held["hubs"]["lorenz"]
            axes.plot(line["x"], line["share"], _STROKES[number], color=COLOURS[number], label=_label(name), lw=2)
        line = runs[0][1]["hubs"]["lorenz_of_mentions"]
        axes.plot(line["x"], line["share"], ":", color=_GREY, label="mentions in documents", lw=2)
        axes.plot([0, 1], [0, 1], color="#cccccc", lw=1)
        axes.set(xlabel="share of concepts, most used first", ylabel="share of all uses", xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(loc="lower right")
        return svg("how evenly concepts are used")


def histograms(panels: Sequence[tuple[str, Named]], *, x: str, label: str, percent: bool = True) -> str:
    """Steps over bins, one panel a title, one line a name."""
    most = max(len(lines) for _, lines in panels)
    # Several lines leave no room for their names among them.
    is_below = most > 3
    high = 3.2 + 0.22 * most * is_below
    with _panels(max(1, len(panels)), wide=(4.6 if len(panels) < 3 else 3.9) + 1.2 * is_below, high=high) as (
        axes,
        svg,
    ):
        for own, (title, lines) in zip(axes, panels, strict=False):
            for number, (name, held) in enumerate(lines):
                heights = [100 * share for share in held["share"]] if percent else held["share"]
                own.stairs(
                    heights,
                    held["edges"],
                    color=COLOURS[number % len(COLOURS)],
                    ls=_STROKES[number % 4],
                    lw=2,
                    label=_label(name),
                )
            own.set(xlabel=x, title=_label(title), ylabel="% of them" if own is axes[0] else "")
            own.set_ylim(bottom=0)
            if len(lines) > 1 or lines[0][0]:
                below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)} if is_below else {}
                own.legend(fontsize=8, **below)
        return svg(label)


def bars(counts: Named, *, x: str, label: str) -> str:
    """Counts by name, one colour a run, the largest on top."""
    names = sorted(
        {name for _, held in counts for name in held}, key=lambda one: -sum(h.get(one, 0) for _, h in counts)
    )
    names = names[:20]
    with _panels(1, wide=8.5, high=0.9 + 0.3 * len(names) * max(1, len(counts) * 0.7)) as ((axes,), svg):
        high = 0.8 / len(counts)
        for number, (run, held) in enumerate(counts):
            at = [place + number * high for place in range(len(names))]
            drawn = axes.barh(
                at, [held.get(name, 0) for name in names], height=high * 0.92, color=COLOURS[number], label=run
            )
            axes.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_yticks(
            [place + 0.4 - high / 2 for place in range(len(names))], [_label(_short(name, 60)) for name in names]
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.1)
        axes.set(xlabel=x)
        if len(counts) > 1:
            axes.legend()
        return svg(label)


def law(lines: Sequence[Mapping[str, Any]], *, label: str) -> Callable[[str], str | bytes]:
    """A fitted law, both axes logarithmic: a line a model with its interval, what was measured, what was held out.

    Args:
        lines: for each model name, size, error, low, high (curves), measured (points that the law saw) and held_out
            (those that it did not), each a list of pairs, and `last`, the largest size that it saw.
        label: what the picture is called.

    Returns:
        What gives the picture in a form: `svg` (text) or `png` (bytes).
    """
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8.5, 5.2))
        axes = figure.subplots()
        for number, line in enumerate(lines):
            colour, stroke = COLOURS[number % len(COLOURS)], _STROKES[number % 4]
            seen = [place for place, size in enumerate(line["size"]) if size <= line["last"]]
            split = len(seen)
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

        def picture(form: str) -> str | bytes:
            with matplotlib.rc_context(_STYLE):
                if form == "png":
                    file = io.BytesIO()
                    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
                    return file.getvalue()
                return _svg(figure, label)

        return picture


_PICTURE_SIZE = 1000
_LABEL_PX = 13


def picture(held: Mapping[str, Any]) -> dict[str, Any]:
    """The communities, ready to draw: circles, lines and those names that overlap no other; pixels.

    Returns:
        width, height; discs behind communities (x, y, radius, colour, number), circles (x, y, radius, colour, title),
        lines (x1, y1, x2, y2, colour, width), labels (x, y, text, px), and the colour of each community: those after
        the sixth are grey.
    """
    nodes = held["nodes"]
    if not nodes:
        return {"width": 0, "height": 0, "discs": [], "circles": [], "lines": [], "labels": [], "colours": []}
    groups = held["communities"]
    low = [min(one[axis] - one["radius"] for one in groups) for axis in "xy"]
    span = [max(one[axis] + one["radius"] for one in groups) - least for axis, least in zip("xy", low, strict=True)]
    margin = 40
    scale = (_PICTURE_SIZE - 2 * margin) / max(span)
    at = [tuple(margin + scale * (node[axis] - least) for axis, least in zip("xy", low, strict=True)) for node in nodes]
    largest = max(node["documents"] for node in nodes)
    radii = [3 + 12 * (node["documents"] / max(1, largest)) ** 0.5 for node in nodes]
    colours = [COLOURS[number] if number < len(COLOURS) - 1 else _GREY for number in range(len(groups))]
    discs = [
        {
            **{axis: round(margin + scale * (one[axis] - least), 1) for axis, least in zip("xy", low, strict=True)},
            "radius": round(scale * one["radius"], 1),
            "colour": colour,
            "number": one["number"] + 1,
        }
        for one, colour in zip(groups, colours, strict=True)
    ]
    return {
        "width": round(2 * margin + scale * span[0]),
        "height": round(2 * margin + scale * span[1]),
        "discs": discs,
        "circles": [
            {
                "x": round(x, 1),
                "y": round(y, 1),
                "radius": round(radius, 1),
                "colour": colours[node["community"]],
                "title": f"{node['name']}: {node['documents']:,} documents, community {node['community'] + 1}",
            }
            for node, (x, y), radius in zip(nodes, at, radii, strict=True)
        ],
        "lines": [
            {
                **{
                    f"{axis}{end}": round(at[link[side]][place], 1)
                    for end, side in ((1, "source"), (2, "target"))
                    for place, axis in enumerate("xy")
                },
                "colour": colours[nodes[link["source"]]["community"]]
                if nodes[link["source"]]["community"] == nodes[link["target"]]["community"]
                else "#bbbbbb",
                "width": round(0.5 + 3 * link["strength"], 2),
            }
            for link in held["links"]
        ],
        "labels": _labels([node["name"] for node in nodes], at, radii, discs, width=2 * margin + scale * span[0]),
        "colours": colours,
    }


def _labels(
    names: Sequence[str],
    at: Sequence[tuple[float, ...]],
    radii: Sequence[float],
    discs: Sequence[Mapping[str, Any]],
    *,
    width: float,
) -> list[dict[str, Any]]:
    """Names, most important first, each where it hides no name and no large circle; those without room are left out."""
    taken: list[tuple[float, float, float, float]] = [
        (x - radius, y - radius, x + radius, y + radius) for (x, y), radius in zip(at, radii, strict=True) if radius > 6
    ]
    # The numbers of the communities stand at the top of their discs.
    taken += [
        (disc["x"] - 10, disc["y"] - disc["radius"], disc["x"] + 10, disc["y"] - disc["radius"] + 20) for disc in discs
    ]
    labels = []
    for name, (x, y), radius in zip(names, at, radii, strict=True):
        text = _short(name, 28)
        px = _LABEL_PX if radius > 6 else _LABEL_PX - 3
        wide, high = 0.54 * px * len(text), px * 1.1
        for left, top in (
            (x - wide / 2, y + radius + 1),
            (x - wide / 2, y - radius - high - 1),
            (x + radius + 3, y - high / 2),
            (x - radius - 3 - wide, y - high / 2),
        ):
            box = (left, top, left + wide, top + high)
            if (
                left > 0
                and box[2] < width
                and not any(
                    box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
                    for other in taken
                )
            ):
                taken.append(box)
                labels.append({"x": round(left + wide / 2, 1), "y": round(top + high * 0.8, 1), "text": text, "px": px})
                break
    return labels


def _label(name: str) -> str:
    """A name as Matplotlib shows it: no formula, and not hidden for a leading underscore."""
    return (" " if name.startswith("_") else "") + name.replace("$", r"\$")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
