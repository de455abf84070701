"""What the comparing benchmarks found, kept in `measured` for the page that `page` makes of it."""

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

FOLDER = Path(__file__).parent / "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of doing it, with its figures by column; a column that it has no figure for is left out."""

    name: str
    values: Mapping[str, float]
    is_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ways of doing one thing, measured side by side in one run."""

    name: str
    title: str
    unit: str
    command: str
    rows: list[Row]
    notes: str = ""
    machine: str = field(default_factory=lambda: machine())
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d"))


def machine() -> str:
    """Processor, cores and memory."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB"


def keep(comparison: Comparison) -> None:
    """Write it down, and print it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{comparison.name}.json").write_text(json.dumps(asdict(comparison), indent=1) + "\n", encoding="utf-8")
    print(f"\n{comparison.title}, {comparison.unit}")
    for row in comparison.rows:
        print(f"  {row.name:44} " + "  ".join(f"{name} {value:,.4g}" for name, value in row.values.items()), flush=True)


def kept(name: str) -> Comparison | None:
    """What was written down, if anything was."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    return Comparison(**{**held, "rows": [Row(**row) for row in held["rows"]]})
