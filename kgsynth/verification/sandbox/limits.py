"""The limits of a program in the sandbox."""

from dataclasses import dataclass, fields

from kgsynth.errors import ConfigError

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one program may use.

    Attributes:
        cpu_seconds: processor time; the kernel counts whole seconds, so fractions are rounded up.
        wall_seconds: elapsed time, including the start of the interpreter.
        memory_mib: address space in MiB.
        processes: number of threads; a program cannot start other processes.
        file_mib: size in MiB of each file and of the folder.
        output_bytes: size of standard output and of standard error, each.
    """

    cpu_seconds: float = 5
    wall_seconds: float = 10
    memory_mib: int = 1024
    processes: int = 16
    file_mib: int = 16
    output_bytes: int = 65536

    def __post_init__(self) -> None:
        """Check that all limits are positive.

        Raises:
            ConfigError: a limit is zero or negative.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise ConfigError(f"limit {field.name} of the sandbox is {value}", hint="Give a number above 0.")


DEFAULT_LIMITS = Limits()
