"""Run the benchmarks and make their page: `make benchmarks`, or `make benchmarks ONLY="merge load"` for some.

Comparisons with other tools, growth to 520,000 documents and the page take about an hour on two cores and 20 GB of
disk; `ONLY=page` makes the page of what was measured before. Experiments that stand on no page run by name, or all by
`ONLY=experiments` (hours).
"""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks import figures

ROOT = Path(__file__).parents[2]
# Name, then module and arguments. What is named here stands on the page.
COMPARISONS = {
    "merge": [["merge_speed", "50000", "200000"]],
    "load": [["load_peers"]],
    "generation": [["generation_speed", "peers"], ["generation_speed", "vllm"]],
    "walks": [["walk_peers"]],
    "growth": [["bulk_load", "--co-occurrences", "none", "--documents", "10000", "100000", "520000"]],
    "page": [["page"]],
}
EXPERIMENTS = {
    "stages": [["stages", "demo"], ["stages", "planetmath"]],
    "merge-quality": [["merge_quality"], ["merge_fields"]],
    "walk-speed": [["walk_speed", "100000", "1900000"]],
    "graph-growth": [["growth", "2000"]],
    "filter": [["filter_speed", "rates"], ["filtering"]],
    "scaling": [["scaling_calibration", "200"]],
    "decontamination": [["decontamination"]],
    "server": [["generation_speed", "server"]],
    "memory": [["generation_speed", "memory"]],
}


def main() -> None:
    """Run them in order; one that fails is told at the end, and the others go on."""
    every = COMPARISONS | EXPERIMENTS
    asked = sys.argv[1:] or list(COMPARISONS)
    wanted = list(dict.fromkeys(name for one in asked for name in (EXPERIMENTS if one == "experiments" else [one])))
    unknown = [name for name in wanted if name not in every]
    if unknown:
        raise SystemExit(f"there is no benchmark {unknown[0]!r}; there are {', '.join(every)}, experiments")
    failed = []
    for name in wanted:
        # What is not measured now does not stand on the page as if it was.
        for path in figures.FOLDER.glob(f"{name}*.json"):
            path.unlink()
        for module, *arguments in every[name]:
            print(f"\n## {module} {' '.join(arguments)}\n", flush=True)
            command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
            if subprocess.run(command, cwd=ROOT, check=False).returncode:
                failed.append(" ".join([module, *arguments]))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
