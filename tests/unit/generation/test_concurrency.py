"""Tests of `kgsynth.generation.concurrency`."""

from kgsynth.generation.concurrency import Concurrency


def test_one_burst_of_refusals_halves_once() -> None:
    state = Concurrency(maximum=64, limit=64)
    for _ in range(10):
        state.refused(sent=1.0, now=2.0)
    assert state.allowed == 32
    state.refused(sent=3.0, now=4.0)
    assert state.allowed == 16
