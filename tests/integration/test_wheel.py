"""The wheel, installed outside the checkout: everything it needs is inside it."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kgsynth import config
from kgsynth.graph.server import ManagedServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_queries_prompts_lists_and_the_lock(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in [*(ROOT / "cypher").rglob("*.cypher")]:
        assert f"kgsynth/cypher/{path.relative_to(ROOT / 'cypher').as_posix()}" in names
    for name in (
        "kgsynth/graph/jars-5.26.31.lock", "kgsynth/graph/jars-2026.09.0.lock", "kgsynth/demo.toml", "kgsynth/opposites.txt", "kgsynth/concepts/stop_words_english.txt",
        "kgsynth/domains/mathematics/level3.txt", "kgsynth_loaders/jsonl.py", "kgsynth/py.typed",
    ):  # fmt: skip
        assert name in names
    assert not [name for name in names if name.startswith(("tests/", "cypher/", "loaders/"))]


def test_the_wheel_runs_the_demo_outside_the_checkout(
    wheel: Path, environment: config.Environment, command_environment: dict[str, str], tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    site = Path(os.path.realpath(sys.executable)).parent / "python3"
    subprocess.run([str(site), "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(python), "--no-deps"]
    # What make setup has fetched is in uv's cache; without a cache this fetches the pinned packages anew.
    subprocess.run([*uv, "--require-hashes", "-r", str(ROOT / "requirements" / "image.txt")], check=True)
    subprocess.run([*uv, str(wheel)], check=True)
    absent = subprocess.run([str(python), "-c", "import torch"], capture_output=True, check=False)
    assert absent.returncode != 0
    values = {**command_environment, "PATH": "/usr/bin:/bin"}
    smaller = ["--set", 'documents.sources=["networkx"]', "--set", "sample.combinations=50"]
    command = [str(venv / "bin" / "kgsynth"), "--graph", "wheel", "demo", *smaller, "--backend", "scripted"]
    try:
        done = subprocess.run(command, cwd=tmp_path, env=values, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "3 of 50 combinations" in done.stdout
        refused = subprocess.run(
            [*command[:-1], "vllm", "--work-dir", "other"],
            cwd=tmp_path,
            env=values,
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 1
        assert "is not installed" in refused.stderr
    finally:
        ManagedServer(environment, "wheel").reset()


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj "
    b"4 0 obj<</Length 62>>stream\nBT /F 12 Tf 20 100 Td (The orbits of a group are disjoint.) Tj ET   \nendstream endobj "
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj trailer<</Root 1 0 R>>\n%%EOF\n"
)


def test_the_command_that_a_missing_reader_names_installs_it(
    wheel: Path, command_environment: dict[str, str], tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    subprocess.run([os.path.realpath(sys.executable), "-m", "venv", "--without-pip", str(venv)], check=True)
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(venv / "bin/python")]
    subprocess.run([*uv, "--no-deps", "--require-hashes", "-r", str(ROOT / "requirements" / "core.txt")], check=True)
    subprocess.run([*uv, "--no-deps", str(wheel)], check=True)
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "orbits.pdf").write_bytes(PDF)
    (tmp_path / "shelf" / "words.txt").write_text("The orbits of a group are disjoint.")
    command = [str(venv / "bin/kgsynth"), "extract", "shelf", "--with", "vocabulary", "-o", "a.jsonl"]

    def extract() -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=command_environment, capture_output=True, text=True, check=False
        )
        return done.stderr

    said = extract()
    wanted = re.search(r"pip install 'kgsynth\[(\w+)\]'", said)
    assert wanted, said
    # What the message names, from this wheel.
    subprocess.run([*uv, f"{wheel}[{wanted.group(1)}]"], check=True)
    said = extract()
    assert "pip install" not in said
    assert "PDF: 1 file, 1 document\n" in said
