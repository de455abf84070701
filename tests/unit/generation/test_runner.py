"""Tests of `kgsynth.generation.runner`."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from kgsynth.errors import ConfigError, GenerationError, GeneratorUnavailableError, TooManyRejectsError
from kgsynth.generation.backend import Completion, Message, Request
from kgsynth.generation.runner import Runner
from kgsynth.generation.task import Outcome, Refusal
from kgsynth.progress import Silent
from kgsynth.records import Question, StageCount
from kgsynth.run_folder import NOT_REPEATED, RunFolder, open_run
from tests import servers


@dataclass
class Asking:
    """Two rounds: `votes` requests, then one more; every seventh unit is refused."""

    unit: int
    votes: int = 2
    is_slow: bool = False

    @property
    def unit_id(self) -> str:
        return f"u{self.unit}"

    def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
        wanted = self.votes if not done else self.votes + 1
        return [
            Request(id=f"answer:{self.unit}:{n}", messages=(Message("user", str(n)),), seed=self.unit * 10 + n)
            for n in range(wanted)
            if f"answer:{self.unit}:{n}" not in done
        ]

    def outcome(self, done: Mapping[str, Completion]) -> Outcome:
        if self.unit % 7 == 3:
            return Outcome(refusals=[Refusal(reason="seventh", raw="raw", request_id=f"answer:{self.unit}:0")])
        text = "|".join(done[key].text for key in sorted(done))
        return Outcome(rows=[Question(id=f"q{self.unit}", text=text)], totals={"seen": len(done)})


class Backend:
    """Writes the id back, `width` requests in flight, the last taken finished first; dies after some."""

    name, model = "test", "test"

    def __init__(self, log: list[str], *, dies_after: int = 10**9, width: int = 5) -> None:
        self.log, self.left, self.width = log, dies_after, width

    def count_tokens(self, text: str) -> int:
        return len(text)

    def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
        flying: list[Request] = []
        while True:
            while len(flying) < self.width:
                request = next(requests, None)
                if request is None:
                    break
                flying.append(request)
            if not flying:
                return
            if not self.left:
                raise GeneratorUnavailableError("gone")
            self.left -= 1
            done = flying.pop()
            self.log.append(done.id)
            yield Completion(request_id=done.id, text=f"{done.id}\ud800", finish_reason="stop", output_tokens=3)

    def close(self) -> None:
        pass


def go(path: Path, backend: Backend, *, units: int = 40, size: int = 6, **more) -> tuple[StageCount, dict[str, int]]:
    folder = RunFolder(path, "id", {}, stage="level1", rows_name="questions")
    count = StageCount(stage="t")
    finished: list[int] = []
    batches = [list(range(first, min(first + size, units))) for first in range(0, units, size)]
    with folder.opened():
        runner = Runner(
            folder,
            record=Question,
            count=count,
            progress=Silent(),
            stop=more.get("stop", lambda _: None),
            finished=lambda batch, _: finished.extend(batch),
        )
        runner.run(batches, make=lambda: backend, begin=more.get("begin", lambda _, unit: Asking(unit)))
        folder.complete({"kept": count.kept})
    assert sorted(finished) == list(range(units))
    return count, runner.totals


def files(path: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in sorted(path.iterdir()) if one.name not in NOT_REPEATED}


def test_a_run_asks_all_rounds_and_counts_everything(tmp_path: Path) -> None:
    log: list[str] = []
    count, totals = go(tmp_path / "run", Backend(log))
    assert sorted(log) == sorted(f"answer:{unit}:{n}" for unit in range(40) for n in range(3))
    assert (count.kept, count.rejected, count.read) == (34, {"seventh": 6}, 40)
    assert totals["units"] == totals["units_without_rows"] + 34 == 40
    assert (totals["requests"], totals["output_tokens"], totals["seen"]) == (120, 360, 102)
    folder = open_run(tmp_path / "run")
    rows = list(folder.rows())
    assert [row["id"] for row in rows] == [f"q{unit}" for unit in range(40) if unit % 7 != 3]
    assert rows[0]["text"] == "answer:0:0?|answer:0:1?|answer:0:2?"
    (first, *_) = folder.rejects()
    assert first == {
        "unit_id": "u3",
        "reason": "seventh",
        "is_final": False,
        "request_id": "answer:3:0",
        "seed": 30,
        "raw": "raw",
    }
    (session,) = folder.sessions()
    assert session["requests"] == 120


def test_slow_steps_are_made_in_threads_while_the_model_works(tmp_path: Path) -> None:
    log: list[str] = []
    at_work: set[str] = set()
    all_asked = threading.Event()

    @dataclass
    class Slow(Asking):
        is_slow: bool = True

        def requests(self, done: Mapping[str, Completion]) -> Sequence[Request]:
            if done:
                at_work.add(threading.current_thread().name)
            if len(done) == self.votes and self.unit == 0:
                # The first unit thinks until every other one is asked for the last time.
                assert all_asked.wait(30)
            return super().requests(done)

        def outcome(self, done: Mapping[str, Completion]) -> Outcome:
            if len([one for one in log if one.endswith(":2")]) == 11:
                all_asked.set()
            return super().outcome(done)

    count, totals = go(tmp_path / "run", Backend(log), units=12, begin=lambda _, unit: Slow(unit))
    assert (count.read, totals["requests"], sorted(log)[-1]) == (12, 36, "answer:9:2")
    assert log[-1] == "answer:0:2"
    assert at_work
    assert all(name.startswith("outcome") for name in at_work)
    assert files(tmp_path / "run") == whole(tmp_path / "whole", units=12)


def whole(path: Path, units: int) -> dict[str, bytes]:
    """The files of a run that nothing disturbs."""
    go(path, Backend([]), units=units)
    return files(path)


@pytest.mark.slow
@given(
    deaths=st.lists(st.integers(0, 40), max_size=6),
    width=st.integers(1, 30),
    size=st.integers(1, 17),
    is_slow=st.booleans(),
)
def test_a_run_that_dies_anywhere_ends_the_same_and_asks_nothing_twice(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[int], width: int, size: int, is_slow: bool
) -> None:
    desk = tmp_path_factory.mktemp("run")
    go(desk / "whole", Backend([]), size=size)
    log: list[str] = []

    def begin(_: Any, unit: int) -> Asking:
        return Asking(unit, is_slow=is_slow)

    for after in deaths:
        try:
            go(desk / "broken", Backend(log, dies_after=after, width=width), size=size, begin=begin)
        except GeneratorUnavailableError:
            assert not (desk / "broken" / "manifest.json").exists()
    count, _ = go(desk / "broken", Backend(log, width=width), size=size, begin=begin)
    assert files(desk / "broken") == files(desk / "whole")
    assert len(log) == len(set(log)) == 120
    assert count.read == 40


def test_a_finished_run_makes_no_backend(tmp_path: Path) -> None:
    first, totals = go(tmp_path / "run", Backend([]))

    class Never(Backend):
        def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
            raise AssertionError

    again, totals_again = go(tmp_path / "run", Never([]))
    assert (again.kept, again.rejected, totals_again) == (first.kept, first.rejected, totals)


def test_too_many_rejects_stop_the_run_early_and_lose_nothing(tmp_path: Path) -> None:
    def refuse(account: StageCount) -> None:
        if account.kept < 0.5 * account.read:
            raise TooManyRejectsError("too many")

    class Refusing(Asking):
        def outcome(self, done: Mapping[str, Completion]) -> Outcome:
            return Outcome(refusals=[Refusal(reason="no", raw="")])

    log: list[str] = []
    with pytest.raises(TooManyRejectsError):
        go(tmp_path / "run", Backend(log), units=5000, size=100, stop=refuse, begin=lambda _, unit: Refusing(unit))
    assert 150 <= len(log) < 250
    go(tmp_path / "run", Backend(log), units=5000, size=100, begin=lambda _, unit: Refusing(unit))
    assert len(log) == len(set(log)) == 15_000


def test_a_backend_that_forgets_a_request_is_an_error(tmp_path: Path) -> None:
    class Forgetful(Backend):
        def generate(self, requests: Iterator[Request | None]) -> Iterator[Completion]:
            for number, one in enumerate(super().generate(requests)):
                if number != 3:
                    yield one

    with pytest.raises(GenerationError, match="left 1 requests without an answer"):
        go(tmp_path / "run", Forgetful([], width=1))


def test_a_unit_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the id 'u0' occurs twice"):
        go(tmp_path / "run", Backend([]), begin=lambda _, unit: Asking(unit % 3))


def test_a_full_disk_stops_with_a_message_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    go(tmp_path / "whole", Backend([]), units=200, size=200)
    log: list[str] = []
    # The limit holds for a process and cannot be raised again.
    code = (
        "import resource, sys, pathlib\n"
        f"from {__name__} import Backend, go\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "go(pathlib.Path(sys.argv[1]), Backend([]), units=200, size=200)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "full")],
        cwd=servers.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ManifestError" in done.stderr
    assert "could not be written" in done.stderr
    assert "Is the disk full?" in done.stderr
    journal = (tmp_path / "full" / "journal-00000.jsonl").read_bytes()
    held = sum(1 for line in journal.split(b"\n")[:-1] if json.loads(line))
    assert 100 < held < 600
    go(tmp_path / "full", Backend(log), units=200, size=200)
    assert len(log) == 600 - held
    assert files(tmp_path / "full") == files(tmp_path / "whole")
