"""Runs that cannot lose anything: kill -9 of the command and of the server at random points, for every stage.

The server counts what it served. After a kill, what is in the journal or in a shard must not be served again.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest

from kgsynth import config, pipeline
from kgsynth.graph.server import ManagedServer
from kgsynth.graph.session import Graph
from kgsynth.records import Document, StageCount
from kgsynth.run_folder import NOT_REPEATED, RunFolder, open_run
from kgsynth.settings import SampleSettings
from tests import canonical, commands, corpora, servers

KGSYNTH = str(Path(sys.executable).with_name("kgsynth"))
SHARD = 40
KILLS = 6
COMMON = [
    "--shard-size",
    str(SHARD),
    "--seed",
    "7",
    "--max-rejected-share",
    "1",
    "--concurrency",
    "16",
    "--first-wait-s",
    "0.05",
]


def files(folder: Path) -> dict[str, bytes]:
    kept = (path for path in sorted(folder.iterdir()) if path.is_file() and path.name not in NOT_REPEATED)
    return {path.name: path.read_bytes() for path in kept}


def unit_of(request_id: str) -> str:
    return request_id.split(":")[1]


def finished_requests(folder: Path, units: list[str], served: list[str]) -> set[str]:
    """Requests whose completions are in a journal or in a complete shard."""
    if not (folder / "run.json").exists():
        return set()
    run = open_run(folder)
    found: set[str] = set()
    for path in folder.glob("journal-*.jsonl"):
        shard = int(path.stem.rpartition("-")[2])
        if not run.has_shard(shard):
            lines = path.read_bytes().split(b"\n")[:-1]
            found |= {json.loads(line)["request_id"] for line in lines}
    for shard in run.shards():
        own = set(units[shard * SHARD : (shard + 1) * SHARD])
        found |= {one for one in served if unit_of(one) in own}
    return found


def run_whole(command: list[str], desk: Path, environment: dict[str, str]) -> None:
    """Run a command that nobody kills, in this process."""
    done = commands.call(*command[1:], cwd=desk, env=environment)
    assert done.returncode == 0, done.stderr


def stand_all_kills(
    command: Callable[[str, Path], list[str]], units: list[str], desk: Path, environment: dict[str, str], seed: int
) -> tuple[Path, Path]:
    """Run a command whole, and again with kills at random points; compare. Returns the two folders."""
    rng = random.Random(seed)
    with servers.running("--delay", "0.002", log=desk / "whole.log") as fake:
        run_whole(command(fake.url, desk / "whole"), desk, environment)
        total = sum(fake.served().values())
        assert max(fake.served().values()) == 1
        port = fake.port  # the address stands in run.json
    log = desk / "killed.log"
    log.touch()
    allowed_again: set[str] = set()
    kills = 0
    with servers.running("--delay", "0.002", "--port", str(port), log=log) as fake:
        points = sorted(rng.randrange(total) for _ in range(KILLS))
        for point in points:
            before = log.read_text().split()
            done = finished_requests(desk / "killed", units, before)
            process = subprocess.Popen(
                command(fake.url, desk / "killed"),
                cwd=desk,
                env=environment,
                stderr=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
            while process.poll() is None and log.read_bytes().count(b"\n") < point:
                time.sleep(0.001)
            kills += process.poll() is None
            process.kill()
            process.wait()
            # What was in flight is served, and counted, a moment later.
            while fake.stats()["in_flight"]:
                time.sleep(0.005)
            again = set(log.read_text().split()[len(before) :]) & set(before)
            assert not again & done, "a finished request was sent again"
            allowed_again |= set(before) - done
            # A line that was being written when the machine went down.
            journals = sorted((desk / "killed").glob("journal-*.jsonl"))
            if journals and rng.random() < 0.5:
                with journals[-1].open("ab") as file:
                    file.write(b'{"request_id": "answer:x:0", "tex')
        before = log.read_text().split()
        done = finished_requests(desk / "killed", units, before)
        run_whole(command(fake.url, desk / "killed"), desk, environment)
        again = set(log.read_text().split()[len(before) :]) & set(before)
        assert not again & done
        allowed_again |= set(before) - done
        served = fake.served()
    assert kills >= KILLS // 2
    assert files(desk / "killed") == files(desk / "whole")
    assert {one for one, times in served.items() if times > 1} <= allowed_again
    # At most those in flight at a kill are repeated.
    assert sum(served.values()) - total <= 16 * (kills + 1)
    return desk / "whole", desk / "killed"


@pytest.fixture
def free_environment(command_environment: dict[str, str]) -> dict[str, str]:
    return command_environment


def questions_file(desk: Path, count: int) -> tuple[Path, list[str]]:
    rows = [{"id": f"q{n}", "text": f"What is the number {n} divided by {n % 7 + 2}?"} for n in range(count)]
    file = desk / "questions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file, [str(row["id"]) for row in rows]


def test_answer_stands_kill_9_anywhere(tmp_path: Path, command_environment: dict[str, str]) -> None:
    file, units = questions_file(tmp_path, 300)
    stand_all_kills(
        lambda url, folder: [
            KGSYNTH, "answer", "--domain", "mathematics", str(file), "--not-to-graph", "--votes", "2", "--judge", "--url", url, "--run-dir", str(folder), *COMMON,
        ],
        units, tmp_path, command_environment, seed=1,
    )  # fmt: skip


def test_extract_stands_kill_9_anywhere(tmp_path: Path, command_environment: dict[str, str]) -> None:
    rng = random.Random(3)
    names = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(120)]
    rows = [
        {"id": f"d{n}", "text": " ".join(rng.choice(names) for _ in range(rng.choice((60, 4000))))} for n in range(300)
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def command(url: str, folder: Path) -> list[str]:
        return [
            KGSYNTH, "extract", "--domain", "mathematics", str(corpus), "--with", "llm", "--url", url, "-o", str(folder) + ".jsonl", "--run-dir", str(folder),
            *[one for one in COMMON if one not in ("--max-rejected-share", "1")],
        ]  # fmt: skip

    whole, killed = stand_all_kills(command, [row["id"] for row in rows], tmp_path, command_environment, seed=2)
    assert Path(f"{killed}.jsonl").read_bytes() == Path(f"{whole}.jsonl").read_bytes()
    manifest = json.loads((whole / "manifest.json").read_text())["stages"][0]
    assert manifest["units"] == 300
    assert manifest["split_documents"] > 50


@pytest.fixture
def combinations_file(graph: Graph, tmp_path: Path) -> Path:
    annotations = corpora.random_annotations(2, documents=60, topics=5, concepts=25)
    documents = [
        Document(id=one.id, text=f"Text of {one.id}. " * 20, title=one.id, license="CC0") for one in annotations
    ]
    corpora.built(graph, tmp_path, annotations, documents)
    file = tmp_path / "combinations.jsonl"
    drawn = pipeline.sample(
        graph, config.environment(), SampleSettings(seed=1, combinations=300), StageCount(stage="sample")
    )
    file.write_text("".join(json.dumps(one.to_row()) + "\n" for one in drawn))
    return file


def test_generate_stands_kill_9_anywhere_and_the_graph_has_it_all(
    graph: Graph, server: ManagedServer, combinations_file: Path, tmp_path: Path, command_environment: dict[str, str]
) -> None:
    units = [json.loads(line)["id"] for line in combinations_file.read_text().splitlines()]
    values = {**command_environment, "NEO4J_URI": server.status().bolt_url, "NEO4J_PASSWORD": server.password()}
    whole, _ = stand_all_kills(
        lambda url, folder: [
            KGSYNTH, "generate", "--domain", "mathematics", str(combinations_file), "--url", url, "--run-dir", str(folder), *COMMON,
        ],
        units, tmp_path, values, seed=5,
    )  # fmt: skip
    held = canonical.run(graph, "MATCH (q:Question) RETURN q.id AS id")
    stored = pandas.concat([pandas.read_parquet(path) for path in whole.glob("questions-*.parquet")])
    assert sorted(row["id"] for row in held) == sorted(stored.id)
    assert pipeline.check(graph, report=lambda _: None) == []


def test_a_server_that_is_killed_stops_the_run_and_nothing_is_lost(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    file, _ = questions_file(tmp_path, 300)
    rng = random.Random(11)
    log = tmp_path / "served.log"

    def command(url: str, folder: str) -> list[str]:
        return [
            KGSYNTH,
            "answer",
            "--domain",
            "mathematics",
            str(file),
            "--not-to-graph",
            "--url",
            url,
            "--run-dir",
            folder,
            "--tries",
            "2",
            *COMMON,
        ]

    with servers.running("--delay", "0.005") as fake:
        port = fake.port
        run_whole(command(fake.url, "whole"), tmp_path, command_environment)
    fake = servers.start("--delay", "0.005", log=log, port=port)
    try:
        for _ in range(5):
            point = sum(fake.served().values()) + rng.randrange(5, 50)
            process = subprocess.Popen(
                command(fake.url, "killed"), cwd=tmp_path, env=command_environment, stderr=subprocess.PIPE, text=True
            )
            while process.poll() is None and sum(fake.served().values()) < point:
                time.sleep(0.001)
            if process.poll() is None:
                servers.stop(fake)
                _, said = process.communicate()
                assert process.returncode == 4
                assert "Finished requests are kept: run the same command again when the server works." in said
                assert "Traceback" not in said
                fake = servers.start("--delay", "0.005", log=log, port=fake.port)
            else:
                process.communicate()
        run_whole(command(fake.url, "killed"), tmp_path, command_environment)
        served = fake.served()
    finally:
        servers.stop(fake)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert len(served) == 300
    assert sum(served.values()) - 300 <= 16 * 5


def test_two_processes_on_one_folder(tmp_path: Path, command_environment: dict[str, str]) -> None:
    file, _ = questions_file(tmp_path, 200)
    both_tried = tmp_path / "both tried"
    with servers.running("--until", str(both_tried), log=tmp_path / "log") as fake:
        command = [
            KGSYNTH,
            "answer",
            "--domain",
            "mathematics",
            str(file),
            "--not-to-graph",
            "--url",
            fake.url,
            "--run-dir",
            "run",
            *COMMON,
        ]
        both = [
            subprocess.Popen(command, cwd=tmp_path, env=command_environment, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        while all(process.poll() is None for process in both):
            time.sleep(0.05)
        both_tried.touch()
        said = [process.communicate()[1] for process in both]
        assert sorted(process.returncode for process in both) == [0, 1]
        assert any("another kgsynth works in run" in one for one in said)
        assert max(fake.served().values()) == 1


def test_a_poisoned_request_is_a_reject_and_retry_heals_it(tmp_path: Path, command_environment: dict[str, str]) -> None:
    file, _ = questions_file(tmp_path, 60)
    answer = [
        KGSYNTH,
        "answer",
        "--domain",
        "mathematics",
        str(file),
        "--not-to-graph",
        "--run-dir",
        "run",
        "--tries",
        "2",
        *COMMON,
    ]

    def kgsynth(*arguments: str) -> str:
        done = commands.call(*arguments[1:], cwd=tmp_path, env=command_environment)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    with servers.running("--poison", ":q17:") as fake:
        said = kgsynth(*answer, "--url", fake.url)
    assert "60 questions read, 59 kept, 1 rejected (1.7%: 1 backend error)" in said
    run = open_run(tmp_path / "run")
    (reject,) = run.rejects()
    assert (reject["unit_id"], reject["raw"], reject["is_final"]) == (
        "q17",
        "HTTP 500: this request never works",
        False,
    )
    with servers.running(log=tmp_path / "log") as fake:
        healed = kgsynth(KGSYNTH, "retry", "run", "--url", fake.url)
        assert list(fake.served()) == ["answer:q17:0"]
        assert "1 questions read, 1 kept" in healed
        assert "nothing to retry" in kgsynth(KGSYNTH, "retry", "run")
    (row,) = open_run(tmp_path / "run" / "retry-1").rows()
    assert (row["id"], row["answer_attempt"]) == ("q17", 1)
    assert row["answer_seed"] != reject["seed"]
    curated = kgsynth(KGSYNTH, "curate", "run", "--run-dir", "curated", "--no-filters")
    assert "60 questions read, 60 kept" in curated
    listed = kgsynth(KGSYNTH, "runs", "--below", ".")
    assert [line.split("\t")[1:6] for line in listed.splitlines()[1:]] == [
        ["curate", "complete", "60", "60", "0"],
        ["answer", "complete", "1", "1", "0"],
        ["answer", "complete", "60", "59", "1"],
    ] or "retry-1" in listed
    shown = kgsynth(KGSYNTH, "runs", "show", "run")
    assert "1 backend error" in shown
    assert "q17: HTTP 500: this request never works" in shown
    assert "retry-1, complete: 1 read, 1 kept" in shown
    assert isinstance(run, RunFolder)


def test_what_was_added_to_the_input_is_asked_and_nothing_else(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    file, _ = questions_file(tmp_path, 60)
    answer = [
        KGSYNTH,
        "answer",
        "--domain",
        "mathematics",
        str(file),
        "--not-to-graph",
        "--run-dir",
        "run",
        "--tries",
        "2",
        *COMMON,
    ]

    def kgsynth(*arguments: str, code: int = 0) -> str:
        done = commands.call(*arguments[1:], cwd=tmp_path, env=command_environment)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    with servers.running("--poison", ":q17:") as fake:
        port = fake.port
        kgsynth(*answer, "--url", fake.url)
    before = files(tmp_path / "run")
    lines = file.read_text().splitlines()
    more = [json.dumps({"id": f"new{n}", "text": f"What is {n} added to {n}?"}) for n in range(50)]
    file.write_text("\n".join([*lines, *more]) + "\n")
    with servers.running("--port", str(port), "--poison", ":new3:", log=tmp_path / "log") as fake:
        said = kgsynth(*answer, "--url", fake.url)
        assert "50 questions read, 49 kept, 1 rejected (2.0%: 1 backend error)" in said
        assert set(fake.served()) == {f"answer:new{n}:0" for n in range(50) if n != 3}
    assert {name: held for name, held in files(tmp_path / "run").items() if name in before} == before
    with servers.running("--port", str(port), log=tmp_path / "log 2") as fake:
        # A retry takes the rejects of the run and of what was added; what was retried since counts too.
        assert "2 questions read, 2 kept" in kgsynth(KGSYNTH, "retry", "run")
        assert "nothing to retry" in kgsynth(KGSYNTH, "retry", "run")
        file.write_text("\n".join([*lines, *more, json.dumps({"id": "last", "text": "What is left over?"})]) + "\n")
        kgsynth(*answer, "--url", fake.url)
        assert sorted(fake.served()) == ["answer:last:0", "answer:new3:0", "answer:q17:0"]
    assert [part.path.name for part in open_run(tmp_path / "run").parts()] == ["run", "added-1", "retry-1", "added-2"]
    assert "111 questions read, 111 kept" in kgsynth(
        KGSYNTH, "curate", "run", "--run-dir", "curated", "--no-filters", "--overwrite"
    )
    shown = kgsynth(KGSYNTH, "runs", "show", "run")
    assert "added-1, complete: 50 read, 49 kept" in shown
    # Two inputs, of which the first has grown: what was added stands in the middle.
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"id": "other", "text": "What is one more than this?"}) + "\n")
    both = [KGSYNTH, "answer", "--domain", "mathematics", str(file), str(other), *answer[5:]]
    with servers.running("--port", str(port), log=tmp_path / "log 3") as fake:
        kgsynth(*both, "--url", fake.url)
        file.write_text(file.read_text() + json.dumps({"id": "middle", "text": "What is in the middle?"}) + "\n")
        kgsynth(*both, "--url", fake.url)
        assert sorted(fake.served()) == ["answer:middle:0", "answer:other:0"]
    # What was asked is not in the input any more.
    said = kgsynth(*answer, "--url", "http://127.0.0.1:1", "--model", "fake", code=1)
    assert "added-3 holds run" in said
    assert "0 of its 1 units are in the input as they were" in said
    file.write_text("\n".join([*lines[:10], *more]) + "\n")
    # The input is newer than the run, so a server must answer before the input is read.
    kgsynth(*answer, "--url", "http://127.0.0.1:1", "--model", "fake", code=4)
    with servers.running("--port", str(port)) as fake:
        assert "run holds run" in kgsynth(*answer, "--url", fake.url, code=1)


def test_the_run_stops_when_too_much_is_rejected(tmp_path: Path, command_environment: dict[str, str]) -> None:
    file, _ = questions_file(tmp_path, 3000)
    lines = file.read_text().splitlines(keepends=True)
    values = [*COMMON[:4], *COMMON[6:], "--min-agreement", "1", "--votes", "4", "--max-rejected-share", "0.05"]

    def answer(url: str) -> "subprocess.CompletedProcess[str]":
        command = [
            KGSYNTH,
            "answer",
            "--domain",
            "mathematics",
            str(file),
            "--not-to-graph",
            "--run-dir",
            "run",
            "--url",
            url,
            *values,
        ]
        return subprocess.run(
            command, cwd=tmp_path, env=command_environment, capture_output=True, text=True, check=False
        )

    with servers.running(log=tmp_path / "log") as fake:
        # A few that can be used, and then what was added.
        file.write_text("".join(lines[:1]))
        assert answer(fake.url).returncode == 0
        file.write_text("".join(lines))
        done = answer(fake.url)
        assert done.returncode == 3
        assert "too little agreement" in done.stderr
        assert "over the limit of 5%" in done.stderr
        assert "The rejects are in run/added-1/rejects-*.jsonl" in done.stderr
        assert 200 <= sum(fake.served().values()) < 1500
