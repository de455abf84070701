"""Starting and asking the fake server of the tests."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Fake:
    """A running fake server."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, log: Path | None) -> None:
        self.process, self.port, self._log = process, port, log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stats(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/v1/stats") as answer:
            return json.load(answer)

    def served(self) -> Counter[str]:
        """How often each request got a completion."""
        return Counter(self._log.read_text().split()) if self._log is not None else Counter()


def start(*options: str, log: Path | None = None, port: int = 0) -> Fake:
    """Start a server; it is up when this returns."""
    logged = ("--log", str(log)) if log is not None else ()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fake_server", "--port", str(port), *logged, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the fake server did not start: {process.wait()}"
    return Fake(process, int(line), log)


def stop(fake: Fake) -> None:
    """kill -9."""
    fake.process.kill()
    fake.process.wait()
    assert fake.process.stdout is not None
    fake.process.stdout.close()


@contextmanager
def running(*options: str, log: Path | None = None) -> Iterator[Fake]:
    """A server for a block."""
    fake = start(*options, log=log)
    try:
        yield fake
    finally:
        stop(fake)
