"""Neo4j's own administration tool, for a store that no server uses: initial password, import, dump, load."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from kgsynth import config
from kgsynth.errors import ServerError

_SHOWN_CHARS = 1500


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
) -> str:
    """Run one command of the tool; returns what it printed.

    Args:
        arguments: command and options, for example ["database", "dump", "neo4j"].
        java: the executable.
        class_path: with Neo4j's jars.
        home: of the graph, with its configuration in `conf`.
        java_options: that this version of Neo4j needs.
        heap_mib: Java heap.
        timeout_s: seconds; None for no end.
        lock: an open file with a lock (`flock`) that becomes the tool's too: it lasts as long as the tool writes, also
            when this process is killed.

    Raises:
        ServerError: it failed; the message has the end of what it said.
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
    done = subprocess.run(
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
    if done.returncode:
        said = done.stdout.strip()[-_SHOWN_CHARS:]
        raise ServerError(f"neo4j-admin {' '.join(arguments[:2])} failed: {said}")
    return done.stdout
