"""Start the servers of the tests: the fake server, and a real vLLM server with the small model."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

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
        """Return how often each request got a completion."""
        return Counter(self._log.read_text().split()) if self._log is not None else Counter()


def start(*options: str, log: Path | None = None, port: int = 0) -> Fake:
    """Start a server, and return when it accepts requests."""
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
    """Kill the server, as with kill -9."""
    fake.process.kill()
    fake.process.wait()
    assert fake.process.stdout is not None
    fake.process.stdout.close()


@contextmanager
def running(*options: str, log: Path | None = None) -> Iterator[Fake]:
    """Run a server during a block."""
    fake = start(*options, log=log)
    try:
        yield fake
    finally:
        stop(fake)


@contextmanager
def vllm(model: Path, *options: str, context_tokens: int = 4096, log: Path) -> Iterator[str]:
    """Run a real vLLM server during a block, with a model under the name `small`; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_NUM_OF_RESERVED_CPU": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", "small",
        "--host", "127.0.0.1", "--port", str(port), "--max-model-len", str(context_tokens), "--max-num-batched-tokens", str(context_tokens),
        "--enforce-eager", "--gpu-memory-utilization", "0.35", "--no-enable-chunked-prefill",
        "--structured-outputs-config", '{"backend": "guidance", "disable_any_whitespace": true}', *options,
    ]  # fmt: skip
    with log.open("w") as said:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdout=said, stderr=said, start_new_session=True
        )
        try:
            url = f"http://127.0.0.1:{port}"
            # On a busy machine of two cores the start took more than 5 minutes.
            deadline = time.monotonic() + 1200
            while True:
                try:
                    urllib.request.urlopen(f"{url}/v1/models").close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()[-2000:]
                    assert time.monotonic() < deadline
                    time.sleep(1)
            yield url
        finally:
            # The server may not react to signals while it starts, and its engine is a process of its own.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def vllm_tried(model: Path, *options: str) -> dict[str, Any]:
    """Return the result of `tests.vllm_try`, which gets its own process since vLLM does not clean up."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.vllm_try", str(model), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
