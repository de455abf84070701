"""Run every benchmark, one after the other: `make benchmarks`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run them; a benchmark without its corpus says so and is passed over."""
    for arguments in (
        ["stages.py", "demo"],
        ["stages.py", "planetmath"],
        ["merge_quality.py"],
        ["merge_speed.py", "50000"],
        ["walk_speed.py", "100000", "1900000"],
        ["bulk_load.py", "--documents", "20000"],
        ["growth.py", "2000"],
        ["filter_speed.py", "rates"],
        ["filtering.py"],
        ["scaling_calibration.py", "200"],
        ["decontamination.py"],
        ["generation_speed.py", "instant"],
        ["generation_speed.py", "vllm"],
        ["generation_speed.py", "server"],
        ["generation_speed.py", "memory"],
    ):
        print(f"\n## {' '.join(arguments)}\n", flush=True)
        command = [sys.executable, "-m", f"tests.benchmarks.{arguments[0].removesuffix('.py')}", *arguments[1:]]
        subprocess.run(command, cwd=HERE.parents[1], check=False)


if __name__ == "__main__":
    main()
