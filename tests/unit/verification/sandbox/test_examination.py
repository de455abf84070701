"""Tests of `kgsynth.verification.sandbox.examination`."""

import platform
from collections.abc import Iterator
from typing import Any

import pytest

from kgsynth.errors import ConfigError, SandboxError
from kgsynth.verification.sandbox import ProgramRun, Sandbox, bubblewrap, choose, examination, examine, landlock, orders
from kgsynth.verification.sandbox.bubblewrap import Bubblewrap
from kgsynth.verification.sandbox.landlock import Landlock

# Each test starts programs.
pytestmark = pytest.mark.slow


@pytest.fixture
def anew() -> Iterator[None]:
    """Forget what was examined, before and after."""
    examination._examine.cache_clear()
    yield
    examination._examine.cache_clear()


def holding(name: str) -> Sandbox:
    found = examine(name)
    if found.sandbox is None:
        pytest.skip(f"{name} does not hold here: {found.reason}")
    return found.sandbox


def test_the_first_back_end_that_holds_is_chosen(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    for name in examination.BACK_ENDS:
        holding(name)
    assert choose().name == "bubblewrap"
    assert choose("landlock").name == "landlock"
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    examination._examine.cache_clear()
    assert choose().name == "landlock"


def test_without_a_back_end_nothing_runs(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)

    def no_interface() -> int:
        raise SandboxError("the kernel does not offer Landlock", hint="Use another kernel.")

    monkeypatch.setattr(landlock, "_interface", no_interface)
    with pytest.raises(
        SandboxError, match="no sandbox holds.*bubblewrap: bwrap is not installed; landlock: the kernel"
    ):
        choose()
    found = examine("bubblewrap")
    assert found.hint == "Debian and Ubuntu: apt-get install bubblewrap"


def test_a_self_test_that_ends_early_is_no_success() -> None:
    class Silent:
        name, version = "silent", ""

        def run(self, *_: Any, **__: Any) -> ProgramRun:
            return ProgramRun(state="finished", exit_code=0, stdout="", stderr="", seconds=0)

    assert examination._weakness(Silent()) == "the self-test ended early"


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no sandbox 'bubblewrapp': did you mean 'bubblewrap'"):
        choose("bubblewrapp")


def test_a_machine_without_known_system_calls_is_refused(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "this machine is riscv64" in examine("landlock").reason


def weaken(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Change the orders of all runs."""
    complete = orders.orders

    def weak(**arguments: Any) -> dict[str, Any]:
        return {**complete(**arguments), **changes}

    monkeypatch.setattr(orders, "orders", weak)


ALLOW_ALL = [(0x06, 0, 0, 0x7FFF0000)]


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("landlock", {"landlock": None}, "a program could write outside its folder"),
        ("landlock", {"filter": ALLOW_ALL}, "a program could start a process"),
        ("landlock", {"limits": []}, "a program could exceed the limit on memory"),
        ("bubblewrap", {"filter": ALLOW_ALL}, "a program could start a process"),
        ("bubblewrap", {"limits": []}, "a program could exceed the limit on memory"),
    ],
)
def test_a_missing_protection_is_found(
    monkeypatch: pytest.MonkeyPatch, anew: None, name: str, changes: dict[str, Any], reason: str
) -> None:
    holding(name)
    examination._examine.cache_clear()
    weaken(monkeypatch, **changes)
    assert reason in examine(name).reason
    with pytest.raises(SandboxError):
        choose(name)


def test_a_namespace_with_the_files_of_the_machine_is_found(monkeypatch: pytest.MonkeyPatch, anew: None) -> None:
    holding("bubblewrap")
    examination._examine.cache_clear()
    complete = bubblewrap._arguments

    def with_temporary_files(*arguments: Any, **options: Any) -> list[str]:
        *mounts, last, root = complete(*arguments, **options)
        return [*mounts, "--bind", "/tmp", "/tmp", last, root]

    monkeypatch.setattr(bubblewrap, "_arguments", with_temporary_files)
    monkeypatch.setattr("tempfile.tempdir", "/tmp")
    assert "a program could write outside its folder" in examine("bubblewrap").reason


def test_a_program_whose_restrictions_fail_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = holding("landlock")
    weaken(monkeypatch, filter=[(0xFF, 0, 0, 0)])
    with pytest.raises(SandboxError, match=r"(?s)did not start: exit code 1.*seccomp: Invalid argument"):
        sandbox.run("print('ran')")


def test_versions_are_those_of_program_and_kernel() -> None:
    if isinstance(sandbox := holding("landlock"), Landlock):
        assert sandbox.version.startswith("ABI ")
    if isinstance(sandbox := holding("bubblewrap"), Bubblewrap):
        assert sandbox.version[0].isdigit()
