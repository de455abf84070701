"""Bulk loads of growing size, with memory and disk over time.

python -m tests.benchmarks.bulk_load --co-occurrences none --documents 10000 100000 520000 5200000     (two hours, 65 GB of disk)
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from kgsynth import config
from kgsynth.graph.server import ManagedServer
from tests.benchmarks import paper_corpus
from tests.benchmarks.figures import Comparison, Row, keep

COURSE = Path(__file__).parent / "measured" / "growth-over-time.json"
_EVERY_S = 0.5
# Points of the course of the largest load that are kept for the plot.
_KEPT_POINTS = 120
_COMBINATIONS = 10_000


class Watch(threading.Thread):
    """Memory of a process, its children and a folder's server, and disk below that folder, twice a second."""

    def __init__(self, pid: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self._pid, self._folder = pid, folder
        self.rows: list[dict[str, float]] = []
        self.is_done = threading.Event()

    def run(self) -> None:
        began = time.monotonic()
        while not self.is_done.wait(_EVERY_S):
            try:
                own = psutil.Process(self._pid)
                family = {own, *own.children(recursive=True)}
            except psutil.Error:
                break
            # The server is no child: it goes on when the command has ended.
            for one in psutil.process_iter(["name", "cmdline"]):
                if one.info["name"] == "java" and str(self._folder.absolute()) in " ".join(one.info["cmdline"] or ()):
                    family.add(one)
            private = {"python": 0.0, "java": 0.0}
            for one in family:
                try:
                    kind = "java" if "java" in one.name() else "python"
                    memory = one.memory_info()
                    private[kind] += memory.rss - memory.shared
                except psutil.Error:
                    continue
            self.rows.append(
                {"seconds": round(time.monotonic() - began), "disk_gib": disk(self._folder) / 2**30}
                | {f"{kind}_gib": size / 2**30 for kind, size in private.items()}
            )


def disk(folder: Path) -> int:
    """Bytes that the files below a folder take on disk."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() and not path.is_symlink() else 0
        except OSError:
            continue
    return total


def measure(desk: Path, documents: int, *, shape: str, co_occurrences: str, is_kept: bool) -> dict[str, float]:
    """Make the corpus, load it, walk, and take everything away again unless told to keep it; what it took."""
    home = desk / f"home-{documents}-{shape}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    real = config.environment()
    (home / "jars").symlink_to(real.jars)
    corpus = desk / f"{documents}-{shape}.jsonl"
    if not corpus.exists():
        partial = corpus.with_suffix(".part")
        paper_corpus.write(partial, documents, shape=shape, seed=1)
        partial.replace(corpus)
    values = {**os.environ, "KGSYNTH_HOME": str(home.absolute())}
    kgsynth = [sys.executable, "-m", "kgsynth"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*kgsynth, "load", "--bulk", "--co-occurrences", co_occurrences, "-a", str(corpus.absolute())],
        env=values,
        stderr=subprocess.PIPE,
        text=True,
        cwd=desk,
    )
    watch = Watch(process.pid, home)
    watch.start()
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="", flush=True)
    code = process.wait()
    loaded_s = time.monotonic() - began
    watch.is_done.set()
    watch.join()
    (desk / f"{home.name}.json").write_text(json.dumps(watch.rows))
    peaks = {name: round(max(row[name] for row in watch.rows), 2) for name in watch.rows[0]} if watch.rows else {}
    print(f"exit {code}; at most {peaks}; corpus {corpus.stat().st_size / 2**30:.2f} GiB")
    assert code == 0
    sample = [*kgsynth, "sample", "--combinations", str(_COMBINATIONS), "--seed", "1", "-o", "combinations.jsonl"]
    began = time.monotonic()
    subprocess.run(sample, env=values, check=True, cwd=desk)
    sampled_s = time.monotonic() - began
    taken = {
        "minutes to a walkable graph": loaded_s / 60,
        f"seconds for {_COMBINATIONS:,} combinations": sampled_s,
        "GiB of memory": max(row["python_gib"] + row["java_gib"] for row in watch.rows),
        "GiB of disk": disk(home) / 2**30,
    }
    if not is_kept:
        ManagedServer(config.environment(values), "main").stop()
        shutil.rmtree(home)
        corpus.unlink()
    return taken


def main() -> None:
    """Each size after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, nargs="+", default=[520_000])
    parser.add_argument("--shape", choices=("fields", "independent"), default="fields")
    parser.add_argument("--co-occurrences", default="auto")
    parser.add_argument("--desk", type=Path, default=Path("build/bulk"))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    rows = [
        Row(
            name=f"{documents:,} documents",
            is_ours=True,
            values=measure(
                given.desk, documents, shape=given.shape, co_occurrences=given.co_occurrences, is_kept=given.keep
            ),
        )
        for documents in given.documents
    ]
    if given.shape == "fields":
        course = json.loads((given.desk / f"home-{max(given.documents)}-fields.json").read_text())
        points = [
            {name: round(value, 2) for name, value in row.items()}
            for row in course[:: max(1, len(course) // _KEPT_POINTS)]
        ]
        lines = ",\n".join(json.dumps(point) for point in points)
        COURSE.write_text(f'{{"documents": {max(given.documents)}, "points": [\n{lines}\n]}}\n')
    keep(
        Comparison(
            name="growth" if given.shape == "fields" else f"growth-{given.shape}",
            title="From annotations to a walkable graph, load --bulk",
            unit="",
            notes="memory at most, of load, import tool and server; disk of the graph at the end",
            command=f"python -m tests.benchmarks.bulk_load --co-occurrences {given.co_occurrences} "
            f"--documents {' '.join(map(str, given.documents))}",
            rows=rows,
        )
    )


if __name__ == "__main__":
    main()
