"""Neo4j's administration tool, for a store that no server uses: initial password, import, dump, load."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from kgsynth import config
from kgsynth.errors import ServerError

_SHOWN_CHARS = 1500
_FULL_DISK = ("No space left on device", "There is not enough space", "out of disk space")


def run(
    arguments: Sequence[str],
    *,
    java: Path,
    class_path: str,
    home: Path,
    java_options: Sequence[str] = (),
    heap_mib: int = 512,
    timeout_s: float | None = None,
    lock: int | None = None,
    target: Path | None = None,
) -> str:
    """Run one command of the tool and return its output.

    Args:
        arguments: command and options, for example ["database", "dump", "neo4j"].
        java: the Java executable.
        class_path: class path with Neo4j's jars.
        home: home folder of the graph, with its configuration in `conf`.
        java_options: Java options that this version of Neo4j needs.
        heap_mib: Java heap in MiB.
        timeout_s: time limit in seconds; None for no limit.
        lock: descriptor of a locked file (`flock`) that the tool inherits, so that the lock lasts while the tool
            writes even if this process is killed.
        target: folder that the tool writes to; None for the home folder.

    Raises:
        ServerError: the command failed; the message contains the end of its output.
    """
    command = [
        str(java),
        *java_options,
        f"-Xmx{heap_mib}m",
        "-Dfile.encoding=UTF-8",
        "-cp",
        class_path,
        "org.neo4j.cli.AdminTool",
    ]
    result = subprocess.run(
        [*command, *arguments],
        env=config.process_environment(NEO4J_HOME=str(home), NEO4J_CONF=str(home / "conf")),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=timeout_s,
        pass_fds=() if lock is None else (lock,),
    )
    if result.returncode:
        output = result.stdout.strip()[-_SHOWN_CHARS:]
        is_full = any(words in result.stdout for words in _FULL_DISK)
        raise ServerError(
            f"neo4j-admin {' '.join(arguments[:2])} failed: {output}",
            hint=f"The disk of {target or home} is full. Free some space and run the same command again."
            if is_full
            else "",
        )
    return result.stdout
