"""What the README and the documentation tell people to type is typed, in an empty folder, on a small corpus."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kgsynth import queries
from kgsynth.graph.server import ManagedServer
from kgsynth.run_folder import open_run
from tests.commands import call as call_here

ROOT = Path(__file__).parents[2]
# In the order in which their commands are run.
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "tutorial" / "index.md",
    *(
        ROOT / "docs" / "how-to" / f"{name}.md"
        for name in "runs documents steer-walks filter training-sets explore remove-documents scaling domains verify models "
        "neo4j large-corpora merging many-machines extend".split()
    ),
]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
BLOCK = re.compile(r"<!-- (run|file|output|python|package): (.+?) -->\n```\w*\n(.*?)```", re.DOTALL)
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
        for kind, name, text in BLOCK.findall(TEXT)
        if kind == "run" and name == part
        for line in text.splitlines()
        if line.strip()
    ]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder as a newcomer would have it: the files of the pages, the notes of the tutorial and a small corpus."""
    for kind, name, text in BLOCK.findall(TEXT):
        if kind == "file":
            (tmp_path / name).write_text(text)
    shutil.copytree(ROOT / "docs" / "tutorial" / "notes", tmp_path / "notes")
    rows = []
    for number in range(24):
        own = [SUBJECTS[(number * step + step) % len(SUBJECTS)] for step in (1, 2, 3)]
        text = " ".join(f"The {name} is studied here, and every {name} has a proof that uses it." for name in own)
        topic = "algebra" if number % 2 else "number theory"
        rows.append(
            {
                "id": f"d{number}",
                "title": f"note {number}",
                "text": text,
                "topics": [topic, "mathematics"],
                "concepts": own,
            }
        )
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "benchmark.jsonl").write_text(
        json.dumps({"question": "What is the sum of the first ten primes?"}) + "\n"
    )
    return tmp_path


def as_process(*arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kgsynth = str(Path(sys.executable).with_name("kgsynth"))
    return subprocess.run([kgsynth, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def type_all(
    lines: list[str],
    desk: Path,
    environment: dict[str, str],
    call: Callable[..., subprocess.CompletedProcess[str]] = as_process,
) -> dict[str, str]:
    printed = {}
    for line in lines:
        arguments = shlex.split(line, comments=True)
        assert arguments[0] == "kgsynth"
        # The shell of Neo4j takes the place of the process that calls it.
        own = as_process if "shell" in arguments else call
        done = own(*arguments[1:], cwd=desk, env=environment)
        assert done.returncode == 0, (line, done.stdout[-1000:], done.stderr[-3000:])
        printed[line] = done.stdout + done.stderr
    return printed


def outputs(line: str) -> list[str]:
    """What the pages say that a command prints."""
    return [text for kind, name, text in BLOCK.findall(TEXT) if kind == "output" and name == line]


def snippets(part: str) -> list[str]:
    return [text for kind, name, text in BLOCK.findall(TEXT) if kind == "python" and name == part]


def test_every_command_of_the_pages_is_in_a_block_that_is_run() -> None:
    shell = [
        line.split("#")[0].strip()
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for text in re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL)
        for line in text.splitlines()
    ]
    run = {line.split("#")[0].strip() for part in ("own", "steps", "tutorial") for line in commands(part)}
    assert {line for line in shell if line} <= run | ELSEWHERE


def test_the_steps_of_the_pages(desk: Path, environment, command_environment: dict[str, str]) -> None:
    name = "steps"
    try:
        printed = type_all(
            [line.replace("kgsynth ", f"kgsynth --graph {name} ", 1) for line in commands("steps")],
            desk,
            command_environment,
            call_here,
        )
    finally:
        ManagedServer(environment, name).reset()
        ManagedServer(environment, "large").reset()
    assert any("10 combinations in combinations.jsonl" in text for text in printed.values())
    count = len(queries.load_folder("check"))
    assert any(f"{count} checks read, {count} kept" in text for text in printed.values())


def python(code: str, desk: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=desk, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_example_of_the_readme(desk: Path, environment, command_environment: dict[str, str]) -> None:
    try:
        printed = type_all(commands("own"), desk, command_environment)
        (snippet,) = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(), flags=re.DOTALL)
        said = "; print(len(accounts), len(questions), len(rejects), len(combinations), sorted(training_set))"
        assert re.search(r"\d+ [1-9]\d* \d+ 100 \['train'", python(snippet + said[2:], desk, command_environment))
    finally:
        ManagedServer(environment, "main").reset()
    text = printed["kgsynth run notes.toml"]
    for output in outputs("kgsynth run notes.toml"):
        assert output in text
    assert "The graph in Neo4j Browser: http://127.0.0.1:" in text
    assert "\n    answer:\n" in text
    assert "\n    documents: notes/" in text
    assert "kgsynth --graph main browse" in text
    assert "open runs/notes/questions.html in your web browser" in text
    assert (desk / "runs" / "notes" / "combinations.jsonl").read_text().count("\n") == 20
    password = re.search(r"password in (\S+)", text)
    assert password


def test_the_tutorial(desk: Path, environment, command_environment: dict[str, str]) -> None:
    lines = commands("tutorial")
    assert (desk / "tutorial.toml").read_text() == (ROOT / "docs" / "tutorial" / "tutorial.toml").read_text()
    assert lines[0] == "kgsynth db install"
    try:
        printed = type_all(lines[1:-1], desk, command_environment)
        (snippet,) = snippets("tutorial")
        assert "DatasetDict" in python(snippet, desk, command_environment)
        type_all(lines[-1:], desk, command_environment)
    finally:
        ManagedServer(environment, "tutorial").reset()
    for output in outputs("kgsynth run tutorial.toml"):
        assert output in printed["kgsynth run tutorial.toml"]


def test_the_example_package_adds_a_loader_a_backend_a_domain_and_a_verifier(
    tmp_path: Path, command_environment
) -> None:
    for kind, name, text in BLOCK.findall(TEXT):
        if kind == "package":
            file = tmp_path / "package" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "install", "-q", "--offline", "--no-deps", "--no-build-isolation"),
            *("--python", sys.executable, "--target", str(tmp_path / "site"), str(tmp_path / "package")),
        ],
        check=True,
        env=command_environment,
    )
    found = {**command_environment, "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), *sys.path])}
    recipes = "".join(f"Soup {n}\nBoil the *tomato soup* with olive oil.\n---\n" for n in range(4)) + "Nothing"
    (tmp_path / "recipes.txt").write_text(recipes)
    questions = ("How long does rice boil?", "Is it 12 minutes or more?", "Is it 1000 minutes or more?")
    (tmp_path / "q.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in questions))
    lines = [
        "kgsynth loaders",
        "kgsynth prompts list",
        "kgsynth extract recipes.txt --loader recipes --with keyphrases --max-document-share 1 -o a.jsonl",
        "kgsynth answer q.jsonl --not-to-graph --seed 1 --domain cooking --backend echo --run-dir runs/a",
    ]
    printed = type_all(lines, tmp_path, found)
    assert "recipes" in printed[lines[0]]
    assert "cooking: answer" in printed[lines[1]]
    assert "4 kept, 1 rejected (20.0%: 1 no text)" in printed[lines[2]]
    rows = list(open_run(tmp_path / "runs" / "a").rows())
    assert [(row["answer"], row["answer_backend"]) for row in rows] == [(text, "echo") for text in questions]
    assert [[(check["verifier"], check["verdict"]) for check in row["checks"]] for row in rows] == [
        [("minutes", verdict)] for verdict in ("undecided", "passed", "failed")
    ]
