"""What the README tells people to type is typed, in an empty folder, on a small corpus."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kgsynth.graph.server import ManagedServer

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- (run|file): ([\w.]+) -->\n```\w+\n(.*?)```", re.DOTALL)
# Run by other means: `make test` runs this test, and test_generation runs the demo.
ELSEWHERE = {"make demo", "make test"}

SUBJECTS = (
    "prime number",
    "abelian group",
    "greatest common divisor",
    "vector space",
    "linear map",
    "quadratic equation",
    "finite field",
)


def commands(part: str) -> list[str]:
    return [
        line.strip()
        for kind, name, text in BLOCK.findall(README)
        if kind == "run" and name == part
        for line in text.splitlines()
        if line.strip()
    ]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as a newcomer would have it: the files of the README and a small corpus."""
    for kind, name, text in BLOCK.findall(README):
        if kind == "file":
            (tmp_path / name).write_text(text)
    notes = tmp_path / "notes"
    rows = []
    for number in range(24):
        own = [SUBJECTS[(number * step + step) % len(SUBJECTS)] for step in (1, 2, 3)]
        text = " ".join(f"The {name} is studied here, and every {name} has a proof that uses it." for name in own)
        folder = notes / ("algebra" if number % 2 else "number theory")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"note{number}.md").write_text(f"# Note {number}\n\n{text}\n")
        rows.append(
            {
                "id": f"d{number}",
                "title": f"note {number}",
                "text": text,
                "topics": [folder.name, "mathematics"],
                "concepts": own,
            }
        )
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "benchmark.jsonl").write_text(
        json.dumps({"question": "What is the sum of the first ten primes?"}) + "\n"
    )
    return tmp_path


def type_all(lines: list[str], desk: Path, environment: dict[str, str]) -> dict[str, str]:
    printed = {}
    for line in lines:
        arguments = shlex.split(line, comments=True)
        assert arguments[0] == "kgsynth"
        done = subprocess.run(
            [str(Path(sys.executable).with_name("kgsynth")), *arguments[1:]],
            cwd=desk,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout[-1000:], done.stderr[-3000:])
        printed[line] = done.stdout + done.stderr
    return printed


def test_every_command_of_the_readme_is_in_a_block_that_is_run() -> None:
    shell = [
        line.split("#")[0].strip()
        for text in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
        for line in text.splitlines()
    ]
    run = {line.split("#")[0].strip() for part in ("own", "steps") for line in commands(part)}
    assert {line for line in shell if line} <= run | ELSEWHERE


def test_the_steps_of_the_readme(desk: Path, environment, command_environment: dict[str, str]) -> None:
    name = "readme"
    try:
        printed = type_all(
            [line.replace("kgsynth ", f"kgsynth --graph {name} ", 1) for line in commands("steps")],
            desk,
            command_environment,
        )
    finally:
        ManagedServer(environment, name).reset()
        ManagedServer(environment, "large").reset()
    assert any("10 combinations in combinations.jsonl" in text for text in printed.values())
    assert any("24 checks read, 24 kept" in text for text in printed.values())


def test_the_whole_run_of_the_readme(desk: Path, environment, command_environment: dict[str, str]) -> None:
    try:
        printed = type_all(commands("own"), desk, command_environment)
    finally:
        ManagedServer(environment, "mine").reset()
    text = printed["kgsynth run my.toml"]
    assert "The graph in Neo4j Browser: http://127.0.0.1:" in text
    assert "questions:" in text
    assert (desk / "runs" / "my" / "combinations.jsonl").read_text().count("\n") == 20
    password = re.search(r"password in (\S+)", text)
    assert password
