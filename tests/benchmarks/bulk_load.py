"""A bulk load of the paper's size, with memory and disk over time: python tests/benchmarks/bulk_load.py --documents N."""

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

_EVERY_S = 2.0


class Watch(threading.Thread):
    """Memory of a process and its children, and disk below a folder, every two seconds."""

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
                family = [own, *own.children(recursive=True)]
            except psutil.Error:
                break
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


def main() -> None:
    """Make the corpus, load it, print what it took, and take everything away again unless told to keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=520_000)
    parser.add_argument("--shape", choices=("fields", "independent"), default="fields")
    parser.add_argument("--desk", type=Path, default=Path("build/bulk"))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    home = given.desk / f"home-{given.documents}-{given.shape}"
    home.mkdir(parents=True, exist_ok=True)
    real = config.environment()
    if not (home / "jars").exists():
        (home / "jars").symlink_to(real.jars)
    corpus = given.desk / f"{given.documents}-{given.shape}.jsonl"
    if not corpus.exists():
        paper_corpus.write(corpus, given.documents, shape=given.shape, seed=1)
    values = {**os.environ, "KGSYNTH_HOME": str(home.absolute())}
    command = [sys.executable, "-m", "kgsynth", "load", "--bulk", "-a", str(corpus.absolute())]
    process = subprocess.Popen(command, env=values, stderr=subprocess.PIPE, text=True, cwd=given.desk)
    watch = Watch(process.pid, home)
    watch.start()
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="", flush=True)
    code = process.wait()
    watch.is_done.set()
    watch.join()
    (given.desk / f"{home.name}.json").write_text(json.dumps(watch.rows))
    peaks = {name: round(max(row[name] for row in watch.rows), 2) for name in watch.rows[0]} if watch.rows else {}
    print(f"exit {code}; at most {peaks}; corpus {corpus.stat().st_size / 2**30:.2f} GiB")
    if not given.keep:
        ManagedServer(config.environment(values), "main").stop()
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
