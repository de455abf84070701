"""Tests of `kgsynth.progress`."""

import pytest

from kgsynth.progress import Lines, Silent, progress_stage


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
    assert "load: 8 of 10, 0.3/s, 0:00:07 left" in capsys.readouterr().err
