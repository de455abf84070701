"""Tests of `kgsynth.verification.sandbox.system_call_filter`, in a small interpreter of BPF."""

import errno
import struct

import pytest

from kgsynth.verification.sandbox import system_call_filter
from kgsynth.verification.sandbox.system_call_filter import Instruction, instructions

ALLOWED, KILLED = "allowed", "killed"
X86_64, AARCH64, I386 = 0xC000003E, 0xC00000B7, 0x40000003


def verdict(program: tuple[Instruction, ...], number: int, *arguments: int, architecture: int = X86_64) -> str:
    """What the filter says of a system call."""
    padded = [argument % (1 << 64) for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    place, value = 0, 0
    while True:
        code, if_true, if_false, constant = program[place]
        place += 1
        if code == 0x20:
            value = struct.unpack_from("<I", data, constant)[0]
        elif code == 0x54:
            value &= constant
        elif code in (0x15, 0x35):
            constant = 4242 if constant == system_call_filter.PROCESS_ID else constant
            place += if_true if (value == constant if code == 0x15 else value >= constant) else if_false
        elif constant == 0x7FFF0000:
            return ALLOWED
        else:
            return KILLED if constant == 0x80000000 else errno.errorcode[constant & 0xFFFF]


@pytest.fixture
def x86(monkeypatch: pytest.MonkeyPatch) -> tuple[Instruction, ...]:
    return of_machine("x86_64", monkeypatch)


def of_machine(machine: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Instruction, ...]:
    monkeypatch.setattr("platform.machine", lambda: machine)
    instructions.cache_clear()
    program = instructions()
    instructions.cache_clear()
    return program


@pytest.mark.parametrize(
    ("number", "arguments", "expected"),
    [
        (0, (), ALLOWED),  # read
        (41, (2, 1), "EPERM"),  # socket
        (59, (), "EPERM"),  # execve
        (57, (), "EPERM"),  # fork
        (435, (), "ENOSYS"),  # clone3
        (425, (), "EPERM"),  # io_uring_setup
        (9999, (), "ENOSYS"),
        (0x40000000, (), KILLED),
        (56, (0x3D0F00,), ALLOWED),  # clone of a thread
        (56, (17,), "EPERM"),  # clone of a process
        (56, (0x10010000,), "EPERM"),  # clone of a thread in a new namespace
        (62, (4242, 9), ALLOWED),  # kill of the own process
        (62, (1, 9), "EPERM"),
        (62, (-1, 9), "EPERM"),
        (62, (0, 9), "EPERM"),
        (234, (4242, 4243, 6), ALLOWED),  # tgkill
        (302, (0, 9), ALLOWED),  # prlimit64
        (302, (1, 9), "EPERM"),
        (16, (0, 0x5401), ALLOWED),  # ioctl
        (16, (0, 0x5412), "EPERM"),
        (72, (0, 1), ALLOWED),  # fcntl
        (72, (0, 8, 1), "EPERM"),
        (53, (1, 1), ALLOWED),  # socketpair
        (53, (2, 1), "EPERM"),
        (44, (3, 0, 0, 0, 0), ALLOWED),  # sendto
        (44, (3, 0, 0, 0, 0x7FFF00000000), "EPERM"),
        (44, (3, 0, 0, 0, 1), "EPERM"),
        (2, (0, 0o101), ALLOWED),  # open
        (2, (0, 0o1000), "EPERM"),
        (257, (0, 0, 0o1101), ALLOWED),  # openat
        (257, (0, 0, 0o1000), "EPERM"),
        (257, (0, 0, 0o1003), "EPERM"),
        (257, (0, 0, 0o2200000), ALLOWED),
    ],
)
def test_the_filter_looks_at_the_arguments(
    x86: tuple[Instruction, ...], number: int, arguments: tuple[int, ...], expected: str
) -> None:
    assert verdict(x86, number, *arguments) == expected


def test_calls_of_other_architectures_end_the_program(
    x86: tuple[Instruction, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verdict(x86, 0, architecture=I386) == KILLED
    aarch64 = of_machine("aarch64", monkeypatch)
    assert verdict(aarch64, 63, architecture=AARCH64) == ALLOWED
    assert verdict(aarch64, 198, 2, architecture=AARCH64) == "EPERM"
    assert verdict(aarch64, 63) == KILLED


def test_jumps_are_short_enough_and_lead_inside(x86: tuple[Instruction, ...]) -> None:
    assert len(x86) < 4096
    for place, (code, if_true, if_false, _) in enumerate(x86):
        if code in (0x15, 0x35):
            assert max(if_true, if_false) < 256
            assert place + 1 + max(if_true, if_false) < len(x86)
