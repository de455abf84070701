"""Other tools, each run by a script of its own in the environment that `make peers` makes; none of them knows kgsynth."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

PYTHON = Path(__file__).parents[3] / "build" / "peers" / "bin" / "python"


def run(script: str, *arguments: object, **environment: str) -> dict[str, Any] | None:
    """What a script said; None, and its last words printed, when the tool does not run here."""
    if not PYTHON.exists():
        print(f"  {script}: passed over; `make peers` installs it", flush=True)
        return None
    path = Path(__file__).parent / f"{script}.py"
    done = subprocess.run(
        [str(PYTHON), str(path), *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"  {script}: failed: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return None
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said
