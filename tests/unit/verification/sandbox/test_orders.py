"""Tests of `kgsynth.verification.sandbox.orders` and of the limits."""

import pytest

from kgsynth.errors import ConfigError
from kgsynth.verification.sandbox import Limits, orders


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "main.py", "./main.py", "", ".", "a\0b"])
def test_a_file_name_cannot_lead_outside(name: str) -> None:
    with pytest.raises(ConfigError, match="for the sandbox is not allowed"):
        orders.content_of("", {name: ""})


def test_files_keep_their_names() -> None:
    assert orders.content_of("x", {"a/b.txt": "é"}) == {"a/b.txt": "é".encode(), "main.py": b"x"}


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="limit memory_mib of the sandbox is 0"):
        Limits(memory_mib=0)


def test_identities_of_runs_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(orders, "_exists", lambda _: True)
    assert len({orders.new_identity() for _ in range(64)}) == 64
    monkeypatch.setattr(orders, "_exists", lambda _: False)
    assert orders.new_identity() == orders.NOBODY
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert orders.new_identity() is None
