"""Tests of `kgsynth.progress`."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest

from kgsynth.progress import Lines, Silent, progress_stage
from kgsynth.records import StageCount, rate_text


def test_progress_ends_whatever_happens(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Telling(Silent):
        def done(self) -> None:
            ended.append("done")

    with pytest.raises(ZeroDivisionError), progress_stage(Telling(), "x", 1):
        1 / 0  # noqa: B018
    assert ended == ["done"]
    monkeypatch.setattr("kgsynth.progress._LINE_INTERVAL_S", 0.0)
    with progress_stage(Lines(), "load", 10) as bar:
        bar.advance(3)
    assert "load: 3 of 10" in capsys.readouterr().err
    # What was done by an earlier call counts, and makes this one no faster.
    clock = [0.0]
    monkeypatch.setattr("kgsynth.progress.time.monotonic", lambda: clock[0])
    with progress_stage(Lines(), "load", 10) as bar:
        bar.skip(5)
        clock[0] = 10.0
        bar.advance(3)
    assert "load: 8 of 10, 18/min, 0:00:10, left 0:00:07\n" in capsys.readouterr().err
    # The reasons are the account's, and the status text stands before them.
    account = StageCount(stage="load", kept=3, rejected={"no text": 1})
    with progress_stage(Lines(), "load", None, account) as bar:
        bar.tell("12 tokens/s")
        clock[0] = 12.0
        bar.advance(4)
    assert capsys.readouterr().err == "load: 4, 2/s, 0:00:02; 12 tokens/s; 25% rejected: 1 no text\n"


_STAGE = """
import logging, time
from kgsynth.cli import _Terminal
from kgsynth.progress import Bar, progress_stage
from kgsynth.records import StageCount

logging.basicConfig(format="%(message)s", handlers=[_Terminal()])
account = StageCount(stage="generate", kept=2)
with progress_stage(Bar(), "generate", 6, account) as bar:
    bar.tell("310 tokens/s in, 45 out")
    bar.skip(1)
    bar.advance(2)
    account.reject("cut off", 1)
    account.reject("the text repeats a part of itself more often than texts of people do, so it is a loop", 1)
    time.sleep(0.5)
    logging.warning("fetching the model, once")
print("end")
"""


def on_a_terminal(code: str, columns: int) -> list[str]:
    """The lines that Python code writes to standard error if that is a terminal, without cursor moves and colours."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=end, stdout=end, env={**environment, "TERM": "xterm"}
    )
    os.close(end)
    shown = b""
    # At the end of the process, Linux reports an error and other systems an empty text.
    with suppress(OSError):
        while part := os.read(terminal, 65536):
            shown += part
    os.close(terminal)
    assert process.wait() == 0
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()))
    return [line.rstrip() for line in lines if line.strip()]


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_view_on_a_terminal_shows_rate_time_left_tokens_and_rejects(columns: int) -> None:
    lines = on_a_terminal(_STAGE, columns)
    assert max(map(len, lines)) <= columns
    assert lines[-1] == "end"
    if columns < 80:
        return
    assert any(re.fullmatch(r"generate +[━╸╺]+ +3 of 6  [\d.]+/s  0:00:0\d  left 0:00:0\d", line) for line in lines)
    assert "310 tokens/s in, 45 out" in lines
    # Not behind the bar, where the terminal would cut it.
    assert "fetching the model, once" in lines
    assert any(line.startswith("50% rejected: 1 cut off, 1 the text repeats") for line in lines)


def test_accounts_break_between_words_on_a_terminal() -> None:
    account = "StageCount(stage='read', kept=2, rejected={'shorter than the limit of words': 3}, remarks=['x ' * 50])"
    code = f"from kgsynth.cli.options import report; from kgsynth.records import StageCount; report({account})"
    lines = on_a_terminal(code, 60)
    assert lines[:2] == [
        "read: 5 records read, 2 kept, 3 rejected (60.0%: 3 shorter",
        "  than the limit of words), 0.0 s",
    ]
    assert lines[2:] == ["  " + " ".join(["x"] * 29), "    " + " ".join(["x"] * 21)]


def test_rates_below_one_per_second_are_given_per_minute_or_hour() -> None:
    assert [rate_text(rate) for rate in (12345.6, 99.94, 3.21, 0.5, 0.01, 0.0)] == [
        *("12,346/s", "100/s", "3.2/s", "30/min", "36/h", "0/h")
    ]
