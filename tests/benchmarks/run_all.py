"""Run every benchmark, one after the other: `make benchmarks`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run them; a benchmark without its corpus says so and is passed over."""
    for arguments in (["stages.py", "demo"], ["stages.py", "planetmath"], ["merge_quality.py"]):
        print(f"\n## {' '.join(arguments)}\n", flush=True)
        subprocess.run([sys.executable, str(HERE / arguments[0]), *arguments[1:]], check=False)


if __name__ == "__main__":
    main()
