"""Make the benchmarks' page, the plot and the tables of docs/figures/benchmarks.md, from what the comparisons have kept.

python -m tests.benchmarks.page
"""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

from tests.benchmarks.bulk_load import COURSE
from tests.benchmarks.figures import Comparison, kept

mpl.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[2]
PLOT = ROOT / "docs" / "benchmarks.png"
COURSE_PLOT = ROOT / "docs" / "figures" / "bulk-load.png"
PAGE = ROOT / "docs" / "figures" / "benchmarks.md"
BEGIN, END = "<!-- benchmarks -->\n", "<!-- end of benchmarks -->\n"
BARS = ("walks", "merge", "load", "generation-server", "generation-vllm")
NAMES = (*BARS, "growth")
# Rates that lie powers of ten apart cannot be seen beside each other otherwise.
_LOGARITHMIC_FROM = 50.0
_OURS, _OTHERS = "#1f6f8b", "#b8b8b8"


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def sections(comparisons: list[Comparison]) -> str:
    """Markdown: a heading and a table for each comparison."""
    return "\n".join(section(comparison) for comparison in comparisons)


def section(comparison: Comparison) -> str:
    """A heading, what was measured, and a row for each way of doing it."""
    columns = list(dict.fromkeys(name for row in comparison.rows for name in row.values))
    names = columns if len(columns) > 1 else [comparison.unit]
    notes = f" {comparison.notes[0].upper()}{comparison.notes[1:]}." if comparison.notes else ""
    unit = f"Unit: {comparison.unit}.{notes}" if comparison.unit else notes.strip()
    lines = [
        *(f"## {comparison.title}", "", unit, ""),
        *(f"Measured on {comparison.date} with `{comparison.command}` on {comparison.machine}.", ""),
        "| | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for row in comparison.rows:
        figures = [number(row.values[name]) if name in row.values else "–" for name in columns]
        lines.append(f"| {f'**{row.name}**' if row.is_ours else row.name} | " + " | ".join(figures) + " |")
    return "\n".join(lines) + "\n"


def bars(axes: Any, one: Comparison) -> None:
    """A bar a way and column, the first on top."""
    columns = list(dict.fromkeys(name for row in one.rows for name in row.values))
    height = 0.8 / len(columns)
    values = [value for row in one.rows for value in row.values.values()]
    is_logarithmic = max(values) / min(values) > _LOGARITHMIC_FROM
    for place, row in enumerate(one.rows):
        for part, column in enumerate(columns):
            if column not in row.values:
                continue
            at = place + (part - (len(columns) - 1) / 2) * height
            color = _OURS if row.is_ours else _OTHERS
            axes.barh(at, row.values[column], height * 0.92, color=color, alpha=1 - 0.4 * part)
            label = number(row.values[column]) + (f"  ({column})" if len(columns) > 1 and place == 0 else "")
            axes.annotate(
                label, (row.values[column], at), (3, 0), textcoords="offset points", va="center", fontsize=7.5
            )
    axes.set_yticks(range(len(one.rows)), [row.name.split(" (")[0] for row in one.rows], fontsize=8)
    axes.invert_yaxis()
    if is_logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 2, max(values) * 12)
    else:
        axes.set_xlim(0, max(values) * 1.35)
    axes.set_title(f"{one.title}\n{one.unit}{' (logarithmic)' if is_logarithmic else ''}", fontsize=9, loc="left")


def lines(axes: Any, one: Comparison) -> None:
    """What grows with the documents."""
    sizes = [int(row.name.split()[0].replace(",", "")) for row in one.rows]
    for name, style in zip(one.rows[0].values, ("o-", "s--", "^:", "v:"), strict=False):
        known = [(size, row.values[name]) for size, row in zip(sizes, one.rows, strict=True) if name in row.values]
        axes.plot(*zip(*known, strict=True), style, label=name, markersize=4)
    axes.set(xscale="log", yscale="log", xlabel="documents")
    axes.legend(fontsize=7.5, frameon=False)
    axes.set_title(one.title, fontsize=9, loc="left")


def draw_course() -> None:
    """Memory and disk during the largest bulk load."""
    course = json.loads(COURSE.read_text())
    minutes = [point["seconds"] / 60 for point in course["points"]]
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    for key, label, style in (
        ("disk_gib", "disk", "-"), ("python_gib", "memory of Python", "--"), ("java_gib", "memory of Java", ":"),
    ):  # fmt: skip
        axes.plot(minutes, [point[key] for point in course["points"]], style, label=label)
    axes.set(xlabel="minutes", ylabel="GiB", ylim=(0, None), xlim=(0, None))
    axes.set_title(f"Bulk load of {course['documents']:,} documents", fontsize=9, loc="left")
    axes.legend(fontsize=7.5, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(COURSE_PLOT, dpi=100, metadata={"Software": None})


def main() -> None:
    """Draw and write; what was not measured is left out, and said."""
    found = {name: kept(name) for name in NAMES}
    missing = [name for name, one in found.items() if one is None]
    if missing:
        print(f"not measured yet: {', '.join(missing)}")
    comparisons = [one for one in found.values() if one is not None]
    if not comparisons:
        raise SystemExit("nothing was measured yet: `make benchmarks`")
    figure, grid = plt.subplots(3, 2, figsize=(12, 10), layout="constrained")
    for axes, name in zip(grid.flat, NAMES, strict=True):
        if (one := found[name]) is None:
            axes.axis("off")
            continue
        (bars if name in BARS else lines)(axes, one)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="x", labelsize=8)
    figure.savefig(PLOT, dpi=100, metadata={"Software": None})
    if COURSE.exists():
        draw_course()
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert END in text, f"{PAGE} has no {BEGIN.strip()} … {END.strip()}"
    page = sections(comparisons)
    PAGE.write_text(before + BEGIN + "\n" + page + END + after, encoding="utf-8")
    print(f"written: {PLOT.relative_to(ROOT)} and the tables of {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
